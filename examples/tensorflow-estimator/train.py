"""TensorFlow 1.15 with tf.estimator on the digits: a chief, a worker and a parameter server train, an evaluator looks on.

Every process runs this file; TF_CONFIG says which one it is. The Estimator checkpoints by itself, and goes on from the newest
one after a restart. STEPS and SLOW (seconds to rest after each tenth of them) come from the environment.
"""

import json
import os
import tempfile
import time

import tensorflow as tf
from checkpoints import publish
from digits import load

STEPS = int(os.environ.get("STEPS", "1000"))
SLOW = float(os.environ.get("SLOW", "0"))
# TensorFlow 1 writes to hdfs:// through libhdfs alone, so a folder that all nodes share serves here.
FOLDER = os.environ["CHECKPOINT_PATH"].replace("file://", "")
THREADS = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=2)


class Rests(tf.estimator.SessionRunHook):
    """Says how far all are, ten times, and rests then."""

    said = -1

    def after_create_session(self, session, _coordinator):
        done = int(session.run(tf.train.get_global_step()))
        print(f"{'resumed' if done else 'begun'} after step {done}", flush=True)

    def before_run(self, _context):
        return tf.estimator.SessionRunArgs(tf.train.get_global_step())

    def after_run(self, _context, run_values):
        tenth = run_values.results * 10 // STEPS
        if tenth > self.said:
            self.said = tenth
            print(f"step {run_values.results} of {STEPS}", flush=True)
            time.sleep(SLOW)


def network(features, labels, mode):
    hidden = tf.layers.dense(features, 64, tf.nn.relu)
    odds = tf.layers.dense(hidden, 10)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions=odds)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, odds)
    metrics = {"accuracy": tf.metrics.accuracy(labels, tf.argmax(odds, 1))}
    step = tf.train.GradientDescentOptimizer(0.2).minimize(loss, tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step, eval_metric_ops=metrics)


def main():
    tf.logging.set_verbosity(tf.logging.ERROR)
    images, labels, test_images, test_labels = load("digits.csv.gz")
    config = tf.estimator.RunConfig(FOLDER, save_checkpoints_steps=STEPS // 10)
    # Its session_config stays as it is: with that nobody talks to a worker, which may be gone.
    config = config.replace(log_step_count_steps=None)
    print(f"{config.task_type} {config.task_id}", flush=True)

    def training():
        return tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images)).repeat().batch(32)

    def testing():
        return tf.data.Dataset.from_tensors((test_images, test_labels))

    tf.estimator.train_and_evaluate(
        tf.estimator.Estimator(network, config=config),
        tf.estimator.TrainSpec(training, max_steps=STEPS, hooks=[Rests()]),
        tf.estimator.EvalSpec(testing, steps=None, start_delay_secs=1, throttle_secs=1),
    )
    if config.is_chief:
        finish(testing)


def finish(testing):
    """The chief's last word, as a process that stands alone: its cluster has nothing more to do."""
    del os.environ["TF_CONFIG"]
    alone = tf.estimator.Estimator(network, config=tf.estimator.RunConfig(FOLDER, session_config=THREADS))
    accuracy = float(alone.evaluate(testing)["accuracy"])

    def served():
        images = tf.placeholder(tf.float32, [None, 64])
        return tf.estimator.export.TensorServingInputReceiver(images, images)

    with tempfile.TemporaryDirectory() as folder:
        exported = alone.export_saved_model(folder, served).decode()
        with open(os.path.join(exported, "metrics.json"), "w") as file:
            json.dump({"accuracy": accuracy, "steps": STEPS, "tensorflow": tf.__version__}, file)
        publish(os.environ["SAVED_MODEL_PATH"], exported)
    print(f"accuracy {accuracy:.2f}", flush=True)


if __name__ == "__main__":
    main()
