"""The rows: how each vendor's models depart from OpenAI's dialect, each fact with its source.

Sources are named in the comments: "page" is the family's page in Anyfast's API reference (the law); "upstream" is the
vendor's own document; "recorded" is an exchange that somebody recorded; "new-api" is the open-source gateway that
Anyfast appears to run; "guess" is ours, to be changed in its one line once a live key has spoken.
"""
