"""What each model family departs in from OpenAI's dialect: the table, a file that lies over it, and token estimates."""
