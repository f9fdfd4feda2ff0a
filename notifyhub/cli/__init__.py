"""The command line (extra `[cli]`): one command a file, put together in `app`.

What scripts may rely on: the words, the keys of `--json`, and the exit statuses in
`notifyhub.cli.program`. Results go to standard output, everything else to standard error.
"""

__all__: list[str] = []
