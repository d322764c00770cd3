# Removes what install.ps1 has put in place. Keys stay, and it says where. Not run by the project's tests.
$ErrorActionPreference = "Stop"

$Directory = Join-Path $env:LOCALAPPDATA "dane-smime"
$Key = "HKCU:\Software\Mozilla\NativeMessagingHosts\dane_smime"

if (Test-Path $Key) {
  Remove-Item -Path $Key
  Write-Output "removed $Key"
}
foreach ($File in "dane_smime.json", "dane-smime.exe", "dane-smime-host.exe", "dane-smime.xpi") {
  $Path = Join-Path $Directory $File
  if (Test-Path -LiteralPath $Path) {
    Remove-Item -LiteralPath $Path
    Write-Output "removed $Path"
  }
}
Write-Output ""
Write-Output "Your keys stay: in $(Join-Path $env:APPDATA 'dane-smime\dane-smime\data'), sealed with an entry of the Credential Manager."
Write-Output "Without them mail that was encrypted to you cannot be read any more. Remove them only if you know that."
Write-Output "The add-on: remove it in Thunderbird, Tools > Add-ons and Themes."
