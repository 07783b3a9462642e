"""Git's ignore rules, read as Git reads them: wildcards, pattern files, configuration, repositories."""
