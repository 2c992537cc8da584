"""The worker's own way to S3: signed requests over the standard library, for a task whose image has nothing else.

Start at `bucket`. Must never be imported when a worker starts: who needs S3 imports it then.
"""
