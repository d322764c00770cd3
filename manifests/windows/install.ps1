# Installs DANE S/MIME for the current user; nobody has to be administrator. Run from the unpacked download, where dane-smime.exe,
# dane-smime-host.exe, dane-smime.xpi and dane_smime.json.in lie beside this file.
# Not run by the project's tests: there is no Windows among them. What it writes where is tested as data.
$ErrorActionPreference = "Stop"

$Directory = Join-Path $env:LOCALAPPDATA "dane-smime"
$Key = "HKCU:\Software\Mozilla\NativeMessagingHosts\dane_smime"
$Manifest = Join-Path $Directory "dane_smime.json"
$Program = Join-Path $Directory "dane-smime-host.exe"

New-Item -ItemType Directory -Force -Path $Directory | Out-Null
# Literally: the name of a folder may hold brackets, which are a pattern otherwise.
foreach ($File in "dane-smime.exe", "dane-smime-host.exe", "dane-smime.xpi") {
  Copy-Item -Force -LiteralPath (Join-Path $PSScriptRoot $File) -Destination $Directory
  Write-Output "put    $(Join-Path $Directory $File)"
}

$Text = Get-Content -Raw -LiteralPath (Join-Path $PSScriptRoot "dane_smime.json.in")
# JSON escapes the backslashes of the path.
$Text = $Text.Replace("@PATH@", $Program.Replace("\", "\\"))
[IO.File]::WriteAllText($Manifest, $Text)
Write-Output "put    $Manifest"

New-Item -Force -Path $Key | Out-Null
Set-ItemProperty -Path $Key -Name "(default)" -Value $Manifest
Write-Output "set    $Key"

Write-Output ""
Write-Output "Now the add-on: in Thunderbird, Tools > Add-ons and Themes > gear > Install Add-on From File:"
Write-Output "       $(Join-Path $Directory 'dane-smime.xpi')"
Write-Output "To see whether all is well: $(Join-Path $Directory 'dane-smime.exe') doctor"
