"""TensorFlow 2 with parameter servers (tf.distribute.ParameterServerStrategy) on the digits; no Keras.

Every process runs this file; TF_CONFIG says which one it is. Workers and parameter servers serve for ever and
are stopped when the chief has finished. The chief hands out the steps, checkpoints after each epoch, and resumes
from the newest checkpoint. EPOCHS and SLOW (seconds to rest after each epoch) come from the environment.
"""

import json
import os
import tempfile
import time

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["GRPC_FAIL_FAST"] = "use_caller"  # a call to a dead peer fails at once, so that the chief notices

import numpy as np
import tensorflow as tf
from checkpoints import Checkpoints, publish
from digits import load

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
STEPS, BATCH, RATE = 40, 32, 0.2


class Network(tf.Module):
    """64 inputs, 64 hidden units, 10 digits."""

    def __init__(self):
        super().__init__()
        random = np.random.RandomState(1)
        first, second = random.randn(64, 64) * 0.12, random.randn(64, 10) * 0.12
        self.weights = [tf.Variable(first, dtype=tf.float32), tf.Variable(second, dtype=tf.float32)]
        self.biases = [tf.Variable(tf.zeros(64)), tf.Variable(tf.zeros(10))]

    @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32)])
    def __call__(self, images):
        hidden = tf.nn.relu(images @ self.weights[0] + self.biases[0])
        return hidden @ self.weights[1] + self.biases[1]


def serve(resolver):
    """A worker or parameter server: waits for the chief's work and never returns."""
    server = tf.distribute.Server(
        resolver.cluster_spec(), job_name=resolver.task_type, task_index=resolver.task_id, protocol="grpc"
    )
    print(resolver.task_type, resolver.task_id, "serves", flush=True)
    server.join()


def coordinate(resolver):
    """The chief: variables live on the parameter servers, steps run on whichever worker is free."""
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    images, labels, test_images, test_labels = load()
    with strategy.scope():
        network = Network()
    train(coordinator, network, make_step(network), lambda: batches(images, labels))
    trained = on_this_machine(network)
    accuracy = float(np.mean(trained(test_images).numpy().argmax(1) == test_labels))
    save_model(trained, {"accuracy": accuracy, "epochs": EPOCHS, "tensorflow": tf.__version__})
    print(f"accuracy {accuracy:.2f}", flush=True)


def batches(images, labels):
    return tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images)).repeat().batch(BATCH)


def make_step(network):
    @tf.function
    def step(iterator):
        images, labels = next(iterator)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=network(images))
            )
        variables = network.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(RATE * gradient)
        return loss

    return step


def train(coordinator, network, step, dataset):
    """From the newest checkpoint to EPOCHS. A worker that dies only costs the steps it was at: they run elsewhere."""
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"])
    done = restore(checkpoints, network)
    iterator = iter(coordinator.create_per_worker_dataset(dataset))
    for epoch in range(done + 1, EPOCHS + 1):
        losses = [coordinator.schedule(step, args=(iterator,)) for _ in range(STEPS)]
        coordinator.join()
        save(checkpoints, network, epoch)
        print(f"epoch {epoch} of {EPOCHS} loss {losses[-1].fetch():.4f}", flush=True)
        time.sleep(SLOW)


# Without this each parameter server would write its share to its own machine's disk.
HERE = tf.train.CheckpointOptions(experimental_io_device="/job:chief/task:0/device:CPU:0")


def save(checkpoints, network, epoch):
    with checkpoints.saving(epoch) as folder:
        tf.train.Checkpoint(network=network).write(os.path.join(folder, "variables"), options=HERE)


def restore(checkpoints, network):
    """The number of epochs already trained."""
    with checkpoints.newest() as (epoch, folder):
        if folder:
            reader = tf.train.Checkpoint(network=network)
            reader.read(os.path.join(folder, "variables"), options=HERE).assert_consumed()
            print(f"resumed after epoch {epoch}", flush=True)
    return epoch


def on_this_machine(network):
    """The same network with its variables in this process, fit to be used without a cluster."""
    copy = Network()
    for mine, theirs in zip(copy.trainable_variables, network.trainable_variables, strict=True):
        mine.assign(theirs.numpy())
    return copy


def save_model(network, metrics):
    """A SavedModel and metrics.json in SAVED_MODEL_PATH."""
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(network, folder)
        with open(os.path.join(folder, "metrics.json"), "w") as file:
            json.dump(metrics, file)
        publish(os.environ["SAVED_MODEL_PATH"], folder)


def main():
    tf.get_logger().setLevel("ERROR")  # each checkpoint traces a new function, and TensorFlow warns of that
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if resolver.task_type in ("worker", "ps"):
        serve(resolver)
    else:
        coordinate(resolver)


if __name__ == "__main__":
    main()
