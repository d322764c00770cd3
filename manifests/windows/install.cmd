@echo off
rem Starts install.ps1 beside this file, also where scripts are forbidden by default.
powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0install.ps1"
pause
