"""The official COS Python SDK, driven by JSON: one command a line on standard input, one answer a line on standard output.

The first line it writes says whether everything it needs is there. Bodies go through files. In arguments, {"$bytes": path}
stands for a file's bytes and {"$open": path} for the open file. A Body that comes back is read in pieces of 64 KiB, and the
answer has its length and SHA-256 instead. Nothing of the SDK is changed; its requests go to one local port.
"""
import hashlib
import importlib
import json
import logging
import sys

NEEDED = {
    'six': 'six',
    'requests': 'requests',
    'xmltodict': 'xmltodict',
    'crcmod': 'crcmod',
    'Crypto': 'pycryptodome',
    'qcloud_cos': 'cos-python-sdk-v5',
}
PIECE = 65536


def say(answer):
    sys.stdout.write(json.dumps(answer) + '\n')
    sys.stdout.flush()


def find_missing():
    missing = []
    for name, package in NEEDED.items():
        try:
            importlib.import_module(name)
        except Exception as error:  # Also one that is there and broken.
            missing.append({'module': name, 'package': package, 'error': '%s: %s' % (type(error).__name__, error)})
    return missing


def sessions():
    """Sessions whose connections all go to one local port, also those of requests that the SDK makes to a public name."""
    import requests
    from six.moves.urllib.parse import urlsplit, urlunsplit

    class LocalAdapter(requests.adapters.HTTPAdapter):
        def __init__(self, port):
            super(LocalAdapter, self).__init__()
            self.netloc = '127.0.0.1:%d' % port

        def send(self, request, **options):
            parts = urlsplit(request.url)
            if parts.netloc != self.netloc:
                request.headers.setdefault('Host', parts.netloc)
                request.url = urlunsplit(parts._replace(netloc=self.netloc))
            return super(LocalAdapter, self).send(request, **options)

    def make(port):
        session = requests.session()
        session.trust_env = False
        session.mount('http://', LocalAdapter(port))
        session.mount('https://', LocalAdapter(port))
        return session

    return make


class Peer(object):
    def __init__(self):
        self.clients = {}
        self.session = sessions()

    def client(self, command):
        """Makes a client by a name: plain, or encrypting where there is a provider."""
        from qcloud_cos import CosConfig, CosS3Client
        from qcloud_cos.cos_encryption_client import CosEncryptionClient
        config = CosConfig(
            Region=command['region'], SecretId=command['secretId'], SecretKey=command['secretKey'],
            Scheme=command['scheme'], VerifySSL=command.get('ca'), **command['address'])
        if 'copyPartThreshold' in command:
            config.set_copy_part_threshold_size(command['copyPartThreshold'])
        session = self.session(command['port'])
        if 'provider' in command:
            client = CosEncryptionClient(config, self.provider(**command['provider']), session=session)
        else:
            client = CosS3Client(config, session=session)
        self.clients[command['name']] = client
        return {}

    @staticmethod
    def provider(aes=None, rsa=None, rsa_path=None):
        from qcloud_cos.crypto import AESProvider, RSAProvider
        if aes is not None:
            return AESProvider(**aes)
        if rsa is not None:
            return RSAProvider(key_pair_info=RSAProvider.get_rsa_key_pair(*rsa))
        return RSAProvider(key_pair_info=RSAProvider.get_rsa_key_pair_path(*rsa_path))

    def call(self, command):
        method = getattr(self.clients[command['client']], command['method'])
        opened = []
        try:
            answer = method(**{name: self.argument(value, opened) for name, value in command['args'].items()})
        finally:
            for file in opened:
                file.close()
        return self.plain(answer)

    def upload_parts(self, command):
        """A multipart upload as in the documentation: parts of the given lengths, one after the other."""
        client, args = self.clients[command['client']], command['args']
        started = client.create_multipart_upload(**dict(args, **command.get('create', {})))
        args = dict(args, UploadId=started['UploadId'])
        with open(command['path'], 'rb') as file:
            for index, length in enumerate(command['lengths']):
                client.upload_part(Body=file.read(length), PartNumber=index + 1, **dict(args, **command.get('part', {})))
        listed = client.list_parts(**args)
        client.complete_multipart_upload(MultipartUpload={'Part': listed['Part']}, **args)
        return {'UploadId': started['UploadId'], 'Parts': len(listed['Part'])}

    @staticmethod
    def argument(value, opened):
        if isinstance(value, dict) and '$bytes' in value:
            with open(value['$bytes'], 'rb') as file:
                return file.read()
        if isinstance(value, dict) and '$open' in value:
            opened.append(open(value['$open'], 'rb'))
            return opened[-1]
        return value

    @staticmethod
    def plain(answer):
        if not isinstance(answer, dict):
            return answer
        answer = dict(answer)
        if 'Body' in answer:
            body, digest, length = answer.pop('Body'), hashlib.sha256(), 0
            while True:
                piece = body.read(PIECE)
                if not piece:
                    break
                digest.update(piece)
                length += len(piece)
            answer['body'] = {'length': length, 'sha256': digest.hexdigest()}
        return answer


def failure(error):
    answer = {'type': type(error).__name__, 'message': str(error)}
    if hasattr(error, 'get_status_code'):
        answer['status'], answer['code'] = error.get_status_code(), error.get_error_code()
    return answer


def main():
    missing = find_missing()
    if missing:
        say({'missing': missing, 'python': sys.version.split()[0]})
        return 2
    logging.disable(logging.CRITICAL)
    from qcloud_cos.version import __version__
    say({'ready': __version__, 'python': sys.version.split()[0]})
    peer = Peer()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            say({'result': getattr(peer, command['do'])(command)})
        except Exception as error:
            say({'error': failure(error)})
    return 0


if __name__ == '__main__':
    sys.exit(main())
