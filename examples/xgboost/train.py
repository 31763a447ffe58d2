"""XGBoost on the digits: each worker holds a shard of them, and together they build the same trees.

The tracker at which they meet runs beside the first worker; this script is the worker only. Rank 0 checkpoints after every
fifth round; after a restart it reads the newest checkpoint and tells it to the others.
ROUNDS and SLOW (seconds to rest after each round) come from the environment.
"""

import json
import os
import tempfile
import time

import xgboost
from checkpoints import Checkpoints, publish
from digits import load
from xgboost import collective

ROUNDS = int(os.environ.get("ROUNDS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
EVERY = 5
SETTINGS = {
    "objective": "multi:softmax",
    "num_class": 10,
    "max_depth": 4,
    "eta": 0.5,
    "tree_method": "hist",
    "nthread": 1,
}


def main():
    # XGBoost takes these as arguments and reads none of them by itself.
    with collective.CommunicatorContext(
        dmlc_communicator="rabit",
        dmlc_tracker_uri=os.environ["DMLC_TRACKER_URI"],
        dmlc_tracker_port=int(os.environ["DMLC_TRACKER_PORT"]),
        dmlc_task_id=os.environ["DMLC_TASK_ID"],
    ):
        rank, size = collective.get_rank(), collective.get_world_size()
        print(f"rank {rank} of {size}", flush=True)
        images, labels, test_images, test_labels = load(shard=rank, shards=size)
        checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if rank == 0 else None
        model = train(xgboost.DMatrix(images, labels), checkpoints)
        accuracy = float((model.predict(xgboost.DMatrix(test_images)) == test_labels).mean())
        if rank == 0:
            save_model(model, {"accuracy": accuracy, "rounds": ROUNDS, "xgboost": xgboost.__version__})
            print(f"accuracy {accuracy:.2f}", flush=True)


def train(data, checkpoints):
    model = restore(checkpoints)
    done = model.num_boosted_rounds() if model else 0
    while done < ROUNDS:
        rounds = min(EVERY, ROUNDS - done)
        model = xgboost.train(SETTINGS, data, rounds, xgb_model=model, callbacks=[Rest(done)])
        done += rounds
        if checkpoints:
            with checkpoints.saving(done) as folder:
                model.save_model(os.path.join(folder, "model.json"))
    return model


class Rest(xgboost.callback.TrainingCallback):
    def __init__(self, done):
        self.done = done

    def after_iteration(self, _model, epoch, _log):
        print(f"round {self.done + epoch + 1} of {ROUNDS}", flush=True)
        time.sleep(SLOW)
        return False


def restore(checkpoints):
    """The model so far. Only rank 0 looks: were all to look, they might see different ones."""
    text = ""
    if checkpoints:
        with checkpoints.newest() as (_, folder):
            if folder:
                with open(os.path.join(folder, "model.json")) as file:
                    text = file.read()
    text = collective.broadcast(text, 0)
    if not text:
        return None
    model = xgboost.Booster()
    model.load_model(bytearray(text, "utf-8"))
    print(f"resumed after round {model.num_boosted_rounds()}", flush=True)
    return model


def save_model(model, metrics):
    with tempfile.TemporaryDirectory() as folder:
        model.save_model(os.path.join(folder, "model.json"))
        with open(os.path.join(folder, "metrics.json"), "w") as file:
            json.dump(metrics, file)
        publish(os.environ["SAVED_MODEL_PATH"], folder)


if __name__ == "__main__":
    main()
