"""What `notifier doctor` looks at: this machine, the servers, what is remembered, who runs it."""
