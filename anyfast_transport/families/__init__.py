"""How each model family departs from OpenAI's dialect: the table, a file that lies over it, and token estimates."""
