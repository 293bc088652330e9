// The official COS Go SDK, driven by JSON: one command a line on standard input, one answer a line on standard output.
//
// The first line it writes says which version is there. Bodies go through files; of a body that comes back the answer has
// the length and SHA-256 instead. Nothing of the SDK is changed. Its requests go to one port of 127.0.0.1: see go-peer.js.
package main

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	"github.com/tencentyun/cos-go-sdk-v5"
	coscrypto "github.com/tencentyun/cos-go-sdk-v5/crypto"
)

type masterKey struct {
	Kms *struct{ KeyID, Address string }
	Aes []byte
	Rsa *struct{ PrivateKey []byte }
}

type command struct {
	Do                                        string
	Name, Bucket, Region, SecretID, SecretKey string
	Port                                      int
	MasterKey                                 masterKey
	Description                               map[string]string

	Client, Key, Path, Range string
	PartSize                 int64
}

type object map[string]interface{}

var clients = map[string]*coscrypto.CryptoClient{}

func main() {
	answers := json.NewEncoder(os.Stdout)
	answers.Encode(object{"ready": strings.TrimPrefix(cos.Version, "v"), "go": strings.TrimPrefix(runtime.Version(), "go")})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked command
		result, err := object(nil), json.Unmarshal(line, &asked)
		if err == nil {
			result, err = answer(asked)
		}
		if err != nil {
			answers.Encode(object{"error": failure(err)})
		} else {
			answers.Encode(object{"result": result})
		}
	}
}

func answer(asked command) (object, error) {
	if asked.Do == "client" {
		return makeClient(asked)
	}
	client, known := clients[asked.Client]
	if !known {
		return nil, fmt.Errorf("no client %q", asked.Client)
	}
	switch asked.Do {
	case "put":
		_, err := client.Object.PutFromFile(context.Background(), asked.Key, asked.Path, nil)
		return object{}, err
	case "parts":
		return parts(client, asked)
	case "get":
		return get(client, asked)
	}
	return nil, errors.New("no such command")
}

// makeClient makes an encrypting client by a name.
func makeClient(asked command) (object, error) {
	target, err := cos.NewBucketURL(asked.Bucket, asked.Region, false)
	if err != nil {
		return nil, err
	}
	client := cos.NewClient(&cos.BaseURL{BucketURL: target}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID:  asked.SecretID,
		SecretKey: asked.SecretKey,
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", asked.Port))
		}},
	}})
	client.Conf.RetryOpt.Count = 1
	master, err := masterCipher(asked, client)
	if err != nil {
		return nil, err
	}
	clients[asked.Name] = coscrypto.NewCryptoClient(client, master)
	return object{}, nil
}

func masterCipher(asked command, client *cos.Client) (coscrypto.MasterCipher, error) {
	switch given := asked.MasterKey; {
	case given.Kms != nil:
		kms, err := coscrypto.NewKMSClient(client.GetCredential(), asked.Region, func(http *profile.HttpProfile) {
			http.Scheme, http.Endpoint = "HTTP", given.Kms.Address
		})
		if err != nil {
			return nil, err
		}
		return coscrypto.CreateMasterKMS(kms, given.Kms.KeyID, asked.Description, coscrypto.KMSRetry(1))
	case given.Aes != nil:
		return aesCipher{given.Aes, description(asked.Description)}, nil
	case given.Rsa != nil:
		return newRsaCipher(given.Rsa.PrivateKey, description(asked.Description))
	}
	return nil, errors.New("no such master key")
}

// parts makes a multipart upload as in the documentation, part by part.
func parts(client *coscrypto.CryptoClient, asked command) (object, error) {
	file, err := os.Open(asked.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	ctx, encryption := context.Background(), coscrypto.CryptoContext{DataSize: size, PartSize: asked.PartSize}
	started, _, err := client.Object.InitiateMultipartUpload(ctx, asked.Key, nil, &encryption)
	if err != nil {
		return nil, err
	}
	done := &cos.CompleteMultipartUploadOptions{}
	for at := int64(0); at < size || at == 0; at += asked.PartSize {
		length := size - at
		if length > asked.PartSize {
			length = asked.PartSize
		}
		number := len(done.Parts) + 1
		sent, err := client.Object.UploadPart(ctx, asked.Key, started.UploadID, number,
			io.NewSectionReader(file, at, length), &cos.ObjectUploadPartOptions{ContentLength: length}, &encryption)
		if err != nil {
			return nil, err
		}
		done.Parts = append(done.Parts, cos.Object{PartNumber: number, ETag: sent.Header.Get("ETag")})
	}
	_, _, err = client.Object.CompleteMultipartUpload(ctx, asked.Key, started.UploadID, done)
	return object{"parts": len(done.Parts)}, err
}

func get(client *coscrypto.CryptoClient, asked command) (object, error) {
	var options *cos.ObjectGetOptions
	if asked.Range != "" {
		options = &cos.ObjectGetOptions{Range: asked.Range}
	}
	got, err := client.Object.Get(context.Background(), asked.Key, options)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	digest := sha256.New()
	length, err := io.Copy(digest, got.Body)
	if err != nil {
		return nil, err
	}
	metadata := object{}
	for name := range got.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-cos-meta-") {
			metadata[strings.TrimPrefix(lower, "x-cos-meta-")] = got.Header.Get(name)
		}
	}
	body := object{"length": length, "sha256": hex.EncodeToString(digest.Sum(nil))}
	return object{"body": body, "metadata": metadata}, nil
}

func failure(err error) object {
	answer := object{"type": fmt.Sprintf("%T", err), "message": err.Error()}
	var refusal *cos.ErrorResponse
	if errors.As(err, &refusal) {
		answer["code"], answer["status"] = refusal.Code, refusal.Response.StatusCode
	}
	return answer
}

// description is what the SDK makes of one for KMS.
func description(pairs map[string]string) string {
	if len(pairs) == 0 {
		return ""
	}
	text, _ := json.Marshal(pairs)
	return string(text)
}

// The SDK brings no master key but KMS. These two are what a user of it would write to read what the Java SDK reads.

// aesCipher wraps by RFC 3394, under the name that the Java SDK gives to it.
type aesCipher struct {
	key         []byte
	description string
}

func (master aesCipher) GetWrapAlgorithm() string { return "AESWrap" }
func (master aesCipher) GetMatDesc() string       { return master.description }

var checkValue = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}

func (master aesCipher) Encrypt(plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(master.key)
	if err != nil {
		return nil, err
	}
	wrapped := append(append([]byte{}, checkValue...), plain...)
	buffer, count := make([]byte, 16), len(plain)/8
	for step := 1; step <= 6*count; step++ {
		half := wrapped[8*((step-1)%count+1):][:8]
		copy(buffer, wrapped[:8])
		copy(buffer[8:], half)
		block.Encrypt(buffer, buffer)
		mix(buffer, step)
		copy(wrapped, buffer[:8])
		copy(half, buffer[8:])
	}
	return wrapped, nil
}

func (master aesCipher) Decrypt(wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(master.key)
	if err != nil {
		return nil, err
	}
	plain := append([]byte{}, wrapped...)
	buffer, count := make([]byte, 16), len(wrapped)/8-1
	for step := 6 * count; step >= 1; step-- {
		half := plain[8*((step-1)%count+1):][:8]
		copy(buffer, plain[:8])
		copy(buffer[8:], half)
		mix(buffer, step)
		block.Decrypt(buffer, buffer)
		copy(plain, buffer[:8])
		copy(half, buffer[8:])
	}
	if subtle.ConstantTimeCompare(plain[:8], checkValue) != 1 {
		return nil, errors.New("another AES key")
	}
	return plain[8:], nil
}

func mix(buffer []byte, step int) {
	binary.BigEndian.PutUint64(buffer, binary.BigEndian.Uint64(buffer)^uint64(step))
}

// rsaCipher wraps by OAEP with SHA-1, under the name that the Java SDK knows it by.
type rsaCipher struct {
	key         *rsa.PrivateKey
	description string
}

func newRsaCipher(secret []byte, description string) (coscrypto.MasterCipher, error) {
	key, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return nil, err
	}
	return rsaCipher{key.(*rsa.PrivateKey), description}, nil
}

func (master rsaCipher) GetWrapAlgorithm() string { return "RSA/ECB/OAEPWithSHA-1AndMGF1Padding" }
func (master rsaCipher) GetMatDesc() string       { return master.description }

func (master rsaCipher) Encrypt(plain []byte) ([]byte, error) {
	return rsa.EncryptOAEP(sha1.New(), rand.Reader, &master.key.PublicKey, plain, nil)
}

func (master rsaCipher) Decrypt(wrapped []byte) ([]byte, error) {
	return rsa.DecryptOAEP(sha1.New(), nil, master.key, wrapped, nil)
}
