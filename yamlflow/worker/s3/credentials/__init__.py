"""Who a task is for AWS: the places where credentials are found, and a keyring that keeps them fresh."""
