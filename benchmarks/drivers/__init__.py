"""Drivers for real programs: editors and the installed ``infill-ls``; the tests with real editors use them too."""
