"""A loaded pipeline as the rules see it: steps in their scopes, and what each expression reads."""
