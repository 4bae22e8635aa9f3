"""The subcommands, one module each: `arguments(parser, common)` and `main(context) -> code`."""
