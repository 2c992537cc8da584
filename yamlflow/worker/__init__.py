"""What runs where the task runs. Standard library only; numpy and pyarrow only when a value needs them."""
