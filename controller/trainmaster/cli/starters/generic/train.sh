# One process. What is printed is read with `trainmaster logs`; exit 0 is success, anything else is a failure and is tried again.
set -eu
echo "process $TRAINMASTER_INDEX of $TRAINMASTER_REPLICAS; all of them: $TRAINMASTER_CLUSTER"
for step in 1 2 3; do
  echo "step $step"                   # TODO: the work; the shard of this process is every TRAINMASTER_REPLICAS-th from TRAINMASTER_INDEX on
  sleep 1
done
