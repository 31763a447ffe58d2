"""Spark prepares the digits: one file becomes shards to train on and one to measure with, as CSV that any framework reads.

    spark-submit --master yarn prepare.py hdfs:///examples/digits/digits.csv.gz hdfs:///examples/prepared SHARDS

Each image is put into the training or the test part by a hash of its values, so a second run makes the same parts. Spark writes
`_SUCCESS` when a folder is whole.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

TEST = 0.2


def main(source, target, shards):
    spark = SparkSession.builder.appName("prepare-digits").getOrCreate()
    rows = spark.read.csv(source, inferSchema=True)
    *pixels, digit = rows.columns
    scaled = rows.select(*((f.col(name) / 16).alias(name) for name in pixels), f.col(digit).cast("int"))
    hashed = scaled.withColumn("part", f.pmod(f.xxhash64(*scaled.columns), f.lit(1000)) / 1000).cache()
    train, test = hashed.where(f.col("part") >= TEST), hashed.where(f.col("part") < TEST)
    for name, images, files in (("train", train, shards), ("test", test, 1)):
        images.drop("part").repartition(files).write.mode("overwrite").csv(f"{target}/{name}")
        print(f"{name}: {images.count()} images in {files} files", flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
