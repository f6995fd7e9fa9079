"""The verbs' functions: each takes what was asked, calls one function below, shows its answer."""
