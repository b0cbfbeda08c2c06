"""Says which readers there are."""
import duckdb
import pyarrow
import pyiceberg

print("pyarrow", pyarrow.__version__)
print("duckdb", duckdb.__version__)
print("pyiceberg", pyiceberg.__version__)
