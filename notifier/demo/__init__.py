"""What the demonstration needs: a cluster that is none, receivers on loopback, a day, a screen."""
