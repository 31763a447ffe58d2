import java.util.LinkedHashMap;
import java.util.Map;

import org.apache.hadoop.thirdparty.protobuf.DescriptorProtos.FileDescriptorSet;
import org.apache.hadoop.thirdparty.protobuf.Descriptors.FileDescriptor;

/** Writes what Hadoop's jars say of their own messages, as a FileDescriptorSet, to standard output. */
class Descriptors {
    private static final String[] OUTER_CLASSES = {
        "org.apache.hadoop.ipc.protobuf.RpcHeaderProtos",
        "org.apache.hadoop.ipc.protobuf.IpcConnectionContextProtos",
        "org.apache.hadoop.ipc.protobuf.ProtobufRpcEngine2Protos",
        "org.apache.hadoop.hdfs.protocol.proto.ClientNamenodeProtocolProtos",
        "org.apache.hadoop.yarn.proto.ApplicationClientProtocol",
        "org.apache.hadoop.yarn.proto.ApplicationMasterProtocol",
        "org.apache.hadoop.yarn.proto.ContainerManagementProtocol",
    };

    public static void main(String[] arguments) throws Exception {
        Map<String, FileDescriptor> files = new LinkedHashMap<>();
        for (String name : OUTER_CLASSES) {
            add(files, (FileDescriptor) Class.forName(name).getMethod("getDescriptor").invoke(null));
        }
        FileDescriptorSet.Builder all = FileDescriptorSet.newBuilder();
        files.values().forEach(file -> all.addFile(file.toProto()));
        all.build().writeTo(System.out);
    }

    private static void add(Map<String, FileDescriptor> files, FileDescriptor file) {
        file.getDependencies().forEach(other -> add(files, other));
        files.put(file.getName(), file);
    }
}
