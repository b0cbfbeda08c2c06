"""Runs programs, one after another, on a Spark cluster of two workers that are hosts of their own to it: Spark gives a second
try by speculation to another host only, and the workers of local-cluster share one.

    spark_on_hosts.py [[SCRIPT, ARGUMENT, ...], ...]

The programs, as JSON, find the cluster in PYSPARK_SUBMIT_ARGS, after SPARK_CONF. Stops at the first that fails.
"""

import json
import os
import socket
import subprocess
import sys
import time

import pyspark

HOSTS = ("localhost", "127.0.0.1")
START_SECONDS = 150


def main():
    home = os.path.dirname(pyspark.__file__)
    work = os.environ["SPARK_WORKER_DIR"]
    os.makedirs(work, exist_ok=True)
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    environment = {**os.environ, "SPARK_HOME": home, "SPARK_DAEMON_MEMORY": "256m", "SPARK_NO_DAEMONIZE": "1"}
    daemons = []

    def start(name, *arguments):
        log = open(os.path.join(work, f"{name}.log"), "w")
        command = [os.path.join(home, "bin/spark-class"), f"org.apache.spark.deploy.{arguments[0]}", *arguments[1:]]
        daemons.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment))

    try:
        start("master", "master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
        wait_for(port, daemons[0])
        for host in HOSTS:
            folder = os.path.join(work, host)
            start(host, "worker.Worker", "--host", host, "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", folder, master)
        submit = f"--master {master} {os.environ.get('SPARK_CONF', '')} pyspark-shell"
        for program in json.loads(sys.argv[1]):
            done = subprocess.run([sys.executable, *program], env={**os.environ, "PYSPARK_SUBMIT_ARGS": submit})
            if done.returncode != 0:
                return done.returncode
        return 0
    finally:
        # Workers before their master; they end their executors.
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, daemon):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and daemon.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit("the master of the cluster did not start")


if __name__ == "__main__":
    sys.exit(main())
