"""One module per subcommand; each is thin and ends in an exit code."""
