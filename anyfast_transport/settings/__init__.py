"""The fields of both classes. They open no socket."""
