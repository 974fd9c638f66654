"""What is watched between trainings: whether the data still come as they did, and whether the models still hold."""
