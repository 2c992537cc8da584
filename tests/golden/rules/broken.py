def fit(:
    pass
