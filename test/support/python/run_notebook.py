"""Runs the code cells of a notebook one after another and prints what the last one gives. Arguments: the notebook, the folder to
run in, a folder for the front of PATH."""
import ast
import json
import os
import sys

notebook, folder, programs = sys.argv[1:]
cells = json.load(open(notebook))["cells"]
os.chdir(folder)
os.environ["PATH"] = programs + os.pathsep + os.environ["PATH"]
names: dict = {}
last = None
for cell in cells:
    if cell["cell_type"] != "code":
        continue
    body = ast.parse("".join(cell["source"])).body
    exec(compile(ast.Module(body[:-1], []), notebook, "exec"), names)
    last = eval(compile(ast.Expression(body[-1].value), notebook, "eval"), names)
print(last)
