"""The rig's Glue catalog, as PyIceberg opens it."""
import os
from pyiceberg.catalog import load_catalog


def glue_catalog():
    return load_catalog("glue", **{
        "type": "glue",
        "glue.endpoint": os.environ["AWS_ENDPOINT_URL_GLUE"],
        "glue.region": os.environ["AWS_REGION"],
        "s3.endpoint": os.environ["AWS_ENDPOINT_URL_S3"],
        "s3.region": os.environ["AWS_REGION"],
    })
