"""The `dpvs` process: the only place where configuration, control socket and data plane are wired together.

Primitives of the shell: `cli.parse_command_line` (argv → `Arguments` or an exit code), `conf_file.check` (`--check`),
`pidfile.PidFile` (one daemon at a time; written last, so it says "ready"), `logs.Logs` (DPVS's `TYPE: message` lines).
"""
