"""`python -m yamlflow`: the command line, for where the script is not on PATH. Nothing else belongs here."""

from yamlflow.cli.app import main

if __name__ == "__main__":
    main()
