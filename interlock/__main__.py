"""`python -m interlock` is the same command line as `interlock`."""

from interlock.cli.main import app

app(prog_name="interlock")
