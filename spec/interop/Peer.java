import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.qcloud.cos.COSClient;
import com.qcloud.cos.COSEncryptionClient;
import com.qcloud.cos.ClientConfig;
import com.qcloud.cos.auth.BasicCOSCredentials;
import com.qcloud.cos.auth.COSStaticCredentialsProvider;
import com.qcloud.cos.endpoint.EndpointResolver;
import com.qcloud.cos.exception.CosClientException;
import com.qcloud.cos.exception.CosServiceException;
import com.qcloud.cos.http.HttpProtocol;
import com.qcloud.cos.internal.crypto.CryptoConfiguration;
import com.qcloud.cos.internal.crypto.CryptoMode;
import com.qcloud.cos.internal.crypto.CryptoStorageMode;
import com.qcloud.cos.internal.crypto.EncryptionMaterials;
import com.qcloud.cos.internal.crypto.EncryptionMaterialsProvider;
import com.qcloud.cos.internal.crypto.KMSEncryptionMaterials;
import com.qcloud.cos.internal.crypto.KMSEncryptionMaterialsProvider;
import com.qcloud.cos.internal.crypto.QCLOUDKMS;
import com.qcloud.cos.internal.crypto.StaticEncryptionMaterialsProvider;
import com.qcloud.cos.model.COSObject;
import com.qcloud.cos.model.CompleteMultipartUploadRequest;
import com.qcloud.cos.model.GetObjectRequest;
import com.qcloud.cos.model.InitiateMultipartUploadRequest;
import com.qcloud.cos.model.ObjectMetadata;
import com.qcloud.cos.model.PartETag;
import com.qcloud.cos.model.PutObjectRequest;
import com.qcloud.cos.model.UploadPartRequest;
import com.qcloud.cos.region.Region;
import com.qcloud.cos.transfer.TransferManager;
import com.qcloud.cos.transfer.TransferManagerConfiguration;
import com.qcloud.cos.utils.VersionInfoUtils;
import com.tencentcloudapi.common.Credential;
import com.tencentcloudapi.common.exception.TencentCloudSDKException;
import com.tencentcloudapi.common.profile.ClientProfile;
import com.tencentcloudapi.common.profile.HttpProfile;
import com.tencentcloudapi.kms.v20190118.KmsClient;
import com.tencentcloudapi.kms.v20190118.models.DecryptRequest;
import com.tencentcloudapi.kms.v20190118.models.DecryptResponse;
import com.tencentcloudapi.kms.v20190118.models.EncryptRequest;
import com.tencentcloudapi.kms.v20190118.models.EncryptResponse;
import com.tencentcloudapi.kms.v20190118.models.GenerateDataKeyRequest;
import com.tencentcloudapi.kms.v20190118.models.GenerateDataKeyResponse;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.Security;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.spec.SecretKeySpec;

/**
 * The official COS Java SDK, driven by JSON: one command a line on standard input, one answer a line on standard output.
 *
 * The first line it writes says which version is there. Bodies go through files; of a body that comes back the answer has
 * the length and SHA-256 instead. Nothing of the SDK is changed. Its requests go to one port of 127.0.0.1: see java-peer.js.
 */
public final class Peer {
    private static final int PIECE = 65536;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, COSClient> clients = new HashMap<>();
    private final Map<String, String> buckets = new HashMap<>();

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err); // What the SDK prints must not come between the answers.
        out.println(JSON.createObjectNode()
                .put("ready", VersionInfoUtils.getVersion())
                .put("java", System.getProperty("java.version")));
        Peer peer = new Peer();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            ObjectNode answer = JSON.createObjectNode();
            try {
                answer.set("result", peer.answer(JSON.readTree(line)));
            } catch (Exception error) {
                answer.set("error", failure(error));
            }
            out.println(answer);
        }
        System.exit(0); // The SDK leaves threads behind.
    }

    private ObjectNode answer(JsonNode command) throws Exception {
        switch (command.get("do").asText()) {
            case "client": return client(command);
            case "put": return put(command);
            case "parts": return parts(command);
            case "transfer": return transfer(command);
            case "get": return get(command);
            default: throw new IllegalArgumentException("no such command");
        }
    }

    /** Makes an encrypting client by a name. */
    private ObjectNode client(JsonNode command) throws Exception {
        String name = command.get("name").asText();
        String id = command.get("secretId").asText();
        String key = command.get("secretKey").asText();
        String address = "127.0.0.1:" + command.get("port").asInt();
        ClientConfig config = new ClientConfig(new Region(command.get("region").asText()));
        config.setHttpProtocol(HttpProtocol.http);
        config.setMaxErrorRetry(0);
        config.setEndpointResolver(new EndpointResolver() {
            @Override public String resolveGeneralApiEndpoint(String endpoint) { return address; }
            @Override public String resolveGetServiceApiEndpoint(String endpoint) { return address; }
        });
        CryptoConfiguration crypto = new CryptoConfiguration(CryptoMode.valueOf(command.get("mode").asText()))
                .withStorageMode(CryptoStorageMode.valueOf(command.path("storage").asText("ObjectMetadata")));
        if (command.has("provider")) crypto.setCryptoProvider(Security.getProvider(command.get("provider").asText()));
        JsonNode masterKey = command.get("masterKey");
        JsonNode kms = masterKey.path("kms");
        clients.put(name, new COSEncryptionClient(
                kms.isMissingNode() ? null : new Kms(id, key, command.get("region").asText(), kms.get("address").asText()),
                new COSStaticCredentialsProvider(new BasicCOSCredentials(id, key)),
                materials(masterKey, command.path("description")), config, crypto));
        buckets.put(name, command.get("bucket").asText());
        return JSON.createObjectNode();
    }

    private static EncryptionMaterialsProvider materials(JsonNode masterKey, JsonNode description) throws Exception {
        Map<String, String> pairs = new HashMap<>();
        description.fields().forEachRemaining(field -> pairs.put(field.getKey(), field.getValue().asText()));
        if (masterKey.has("kms")) {
            KMSEncryptionMaterials materials = new KMSEncryptionMaterials(masterKey.get("kms").get("keyId").asText());
            materials.addDescriptions(pairs);
            return new KMSEncryptionMaterialsProvider(materials);
        }
        EncryptionMaterials materials = masterKey.has("aes")
                ? new EncryptionMaterials(new SecretKeySpec(Base64.getDecoder().decode(masterKey.get("aes").asText()), "AES"))
                : new EncryptionMaterials(pair(masterKey.get("rsa")));
        return new StaticEncryptionMaterialsProvider(materials.addDescriptions(pairs));
    }

    /** SPKI and PKCS#8, in Base64. */
    private static KeyPair pair(JsonNode rsa) throws Exception {
        KeyFactory factory = KeyFactory.getInstance("RSA");
        byte[] open = Base64.getDecoder().decode(rsa.get("publicKey").asText());
        byte[] secret = Base64.getDecoder().decode(rsa.get("privateKey").asText());
        return new KeyPair(factory.generatePublic(new X509EncodedKeySpec(open)),
                factory.generatePrivate(new PKCS8EncodedKeySpec(secret)));
    }

    private ObjectNode put(JsonNode command) {
        clientOf(command).putObject(new PutObjectRequest(bucketOf(command), keyOf(command), fileOf(command)));
        return JSON.createObjectNode();
    }

    /** A multipart upload as in the documentation: parts of one length, one after the other. */
    private ObjectNode parts(JsonNode command) {
        COSClient client = clientOf(command);
        String bucket = bucketOf(command);
        String key = keyOf(command);
        File file = fileOf(command);
        long partSize = command.get("partSize").asLong();
        InitiateMultipartUploadRequest start = new InitiateMultipartUploadRequest(bucket, key);
        start.setDataSizePartSize(file.length(), partSize);
        String id = client.initiateMultipartUpload(start).getUploadId();
        List<PartETag> tags = new ArrayList<>();
        long at = 0;
        do {
            long length = Math.min(partSize, file.length() - at);
            tags.add(client.uploadPart(new UploadPartRequest()
                    .withBucketName(bucket).withKey(key).withUploadId(id)
                    .withPartNumber(tags.size() + 1).withPartSize(length)
                    .withFile(file).withFileOffset(at)
                    .withLastPart(at + length == file.length())).getPartETag());
            at += length;
        } while (at < file.length());
        client.completeMultipartUpload(new CompleteMultipartUploadRequest(bucket, key, id, tags));
        return JSON.createObjectNode().put("parts", tags.size());
    }

    private ObjectNode transfer(JsonNode command) throws Exception {
        TransferManager manager = new TransferManager(clientOf(command));
        try {
            TransferManagerConfiguration configuration = new TransferManagerConfiguration();
            configuration.setMultipartUploadThreshold(command.get("partSize").asLong());
            configuration.setMinimumUploadPartSize(command.get("partSize").asLong());
            manager.setConfiguration(configuration);
            PutObjectRequest request = new PutObjectRequest(bucketOf(command), keyOf(command), fileOf(command));
            manager.upload(request).waitForUploadResult();
            return JSON.createObjectNode();
        } finally {
            manager.shutdownNow(false);
        }
    }

    private ObjectNode get(JsonNode command) throws Exception {
        GetObjectRequest request = new GetObjectRequest(bucketOf(command), keyOf(command));
        if (command.has("range")) {
            request.setRange(command.get("range").get(0).asLong(), command.get("range").get(1).asLong());
        }
        COSObject object = clientOf(command).getObject(request);
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        long length = 0;
        try (InputStream body = object.getObjectContent()) {
            byte[] piece = new byte[PIECE];
            for (int read = body.read(piece); read != -1; read = body.read(piece)) {
                digest.update(piece, 0, read);
                length += read;
            }
        }
        ObjectNode answer = JSON.createObjectNode();
        answer.putObject("body").put("length", length).put("sha256", HexFormat.of().formatHex(digest.digest()));
        ObjectMetadata metadata = object.getObjectMetadata();
        metadata.getUserMetadata().forEach(answer.putObject("metadata")::put);
        return answer;
    }

    private COSClient clientOf(JsonNode command) {
        return clients.get(command.get("client").asText());
    }

    private String bucketOf(JsonNode command) {
        return buckets.get(command.get("client").asText());
    }

    private static String keyOf(JsonNode command) {
        return command.get("key").asText();
    }

    private static File fileOf(JsonNode command) {
        return new File(command.get("path").asText());
    }

    private static ObjectNode failure(Throwable error) {
        ObjectNode answer = JSON.createObjectNode().put("type", error.getClass().getSimpleName());
        StringBuilder message = new StringBuilder(String.valueOf(error.getMessage()));
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            message.append("; ").append(cause.getClass().getSimpleName()).append(": ").append(cause.getMessage());
        }
        answer.put("message", message.toString());
        if (error instanceof CosServiceException) {
            CosServiceException refusal = (CosServiceException) error;
            answer.put("status", refusal.getStatusCode()).put("code", refusal.getErrorCode());
        }
        return answer;
    }

    /** What the SDK's own KMS client does, at another address: that one has no option for it. */
    private static final class Kms implements QCLOUDKMS {
        private interface Call<T> {
            T go() throws TencentCloudSDKException;
        }

        private final KmsClient client;

        Kms(String id, String key, String region, String address) {
            HttpProfile http = new HttpProfile();
            http.setProtocol(HttpProfile.REQ_HTTP);
            http.setEndpoint(address);
            ClientProfile profile = new ClientProfile();
            profile.setHttpProfile(http);
            client = new KmsClient(new Credential(id, key), region, profile);
        }

        @Override public GenerateDataKeyResponse generateDataKey(GenerateDataKeyRequest request) {
            return call(() -> client.GenerateDataKey(request));
        }

        @Override public EncryptResponse encrypt(EncryptRequest request) {
            return call(() -> client.Encrypt(request));
        }

        @Override public DecryptResponse decrypt(DecryptRequest request) {
            return call(() -> client.Decrypt(request));
        }

        @Override public void shutdown() {}

        private static <T> T call(Call<T> call) {
            try {
                return call.go();
            } catch (TencentCloudSDKException error) {
                throw new CosClientException("KMS: " + error.getErrorCode(), error);
            }
        }
    }
}
