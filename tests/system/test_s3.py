"""Buckets: is every object found and read whole, or not at all and told why?"""
import hashlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import time

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import s3_store  # noqa: E402
from support.s3_store import Store, etag  # noqa: E402

BIN = pathlib.Path(os.environ.get('HASHGATE_BIN', 'build/release/bin')).resolve()
READER = BIN.parent / 'tests' / 's3_reader'
S3RVER = '3.7.1'


def read(endpoint, *options, url='s3://bucket/', token=None, region=s3_store.REGION, secret=s3_store.SECRET,
         key_id=s3_store.KEY_ID):
    env = {'AWS_ACCESS_KEY_ID': key_id, 'AWS_SECRET_ACCESS_KEY': secret, 'AWS_REGION': region,
           'AWS_ENDPOINT_URL': endpoint, 'no_proxy': '*'}
    if token:
        env['AWS_SESSION_TOKEN'] = token
    out = subprocess.run([READER, url, *options], env=env, stdout=subprocess.PIPE, timeout=120, check=True).stdout
    lines = [json.loads(line) for line in out.decode().splitlines()]
    for line in lines[:-1]:
        line[1] = bytes.fromhex(line[1])
    return lines


def item(key, body):
    return ['item', b's3://bucket/' + key, len(body), 1612325106007000000, etag(body),
            hashlib.sha256(body).hexdigest()]


END = ['end', 'ok', '']
BIG = bytes(range(256)) * 1000


@pytest.mark.parametrize('encode', [True, False])
def test_every_object_is_found_and_read(encode):
    objects = {b'k%05d' % i: b'body %d' % i for i in range(250)}
    objects[b'folder/'] = b''
    objects[b'folder/empty'] = b''
    odd = [b'a b+c%41&<>"\'', 'é/ü'.encode(), b'../../etc/passwd', b'//x', b'a?b=c#d;e', b'~-._!*()']
    if encode:
        odd += [b'new\nline\x1b[31m\x01', b'\xff\xfe']
    objects.update({k: b'odd ' + k for k in odd})
    with Store(objects, page=100, encode=encode) as store:
        lines = read(store.url)
        assert not store.failures
    assert lines == [item(k, objects[k]) for k in sorted(objects) if k != b'folder/'] + [END]


def test_a_prefix_is_kept_to_whatever_the_server_says():
    with Store({b'a b/1': b'1', b'a b/2': b'2', b'c': b'3'}) as store:
        assert read(store.url, url='s3://bucket/a b/') == [item(b'a b/1', b'1'), item(b'a b/2', b'2'), END]
        store.script = lambda n, h: h.list({'list-type': '2', 'prefix': ''}) or True if '?' in h.path else False
        assert read(store.url, url='s3://bucket/a b/') == [item(b'a b/1', b'1'), item(b'a b/2', b'2'), END]


def test_session_tokens_are_sent_and_signed():
    with Store({b'a': b'1'}, token='session/+=') as store:
        assert read(store.url, token='session/+=') == [item(b'a', b'1'), END]
        assert read(store.url)[-1][:2] == ['end', 'denied']


def test_a_wrong_secret_is_told():
    with Store({b'a': b'1'}) as store:
        (end,) = read(store.url, secret='wrong')
    assert end == ['end', 'denied', 'ListObjectsV2: 403 SignatureDoesNotMatch: as told']


def test_large_objects_come_in_ranges():
    with Store({b'big': BIG}) as store:
        assert read(store.url, 'range=100000') == [item(b'big', BIG), END]
        asked = [h.get('range') for _, h in store.requests[1:]]
        assert asked == ['bytes=0-99999', 'bytes=100000-199999', 'bytes=200000-255999']
        assert all(h['if-match'] == etag(BIG) for _, h in store.requests[1:])


@pytest.mark.parametrize('cut', [0, 1, 70000])
def test_what_breaks_off_goes_on_where_it_did(cut):
    def script(n, handler):
        return n in (2, 3) and (handler.get(b'big', cut=cut) or True)
    with Store({b'big': BIG}, script) as store:
        assert read(store.url) == [item(b'big', BIG), END]
        asked = [h.get('range') for _, h in store.requests[1:]]
    assert asked[-1] == (f'bytes={2 * cut}-255999' if cut else None)


@pytest.mark.parametrize('status', [429, 500, 502, 503, 504])
@pytest.mark.parametrize('failing', [1, 2])
def test_what_fails_for_a_moment_is_tried_again(status, failing):
    def script(n, handler):
        return failing <= n < failing + 3 and (handler.problem(status, 'SlowDown') or True)
    with Store({b'a': b'1'}, script) as store:
        assert read(store.url) == [item(b'a', b'1'), END]
        assert len(store.requests) == 5


def test_tries_end():
    with Store({b'a': b'1', b'b': b'2'},
               lambda n, h: h.path == '/bucket/a' and (h.problem(503, 'SlowDown') or True)) as store:
        assert read(store.url, 'tries=3') == [
            ['unread', b's3://bucket/a', 'rate', 'GetObject: 503 SlowDown: as told'], item(b'b', b'2'), END]
        assert len(store.requests) == 5


def test_a_connection_that_dies_is_tried_again():
    def script(n, handler):
        if n == 2:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        return n == 2
    with Store({b'a': b'1'}, script) as store:
        assert read(store.url) == [item(b'a', b'1'), END]


def test_a_body_that_stalls_is_tried_again():
    def script(n, handler):
        if n == 2:
            handler.send_response(200)
            handler.send_header('ETag', etag(BIG))
            handler.send_header('Content-Length', str(len(BIG)))
            handler.end_headers()
            handler.wfile.write(BIG[:1000])
            time.sleep(5)
        return n == 2
    with Store({b'big': BIG}, script) as store:
        assert read(store.url, 'stall=1000') == [item(b'big', BIG), END]
        assert store.requests[2][1]['range'] == 'bytes=1000-255999'


def unread(script, *options, objects=None):
    """Why the one object is not read; the one behind it always is."""
    objects = objects or {b'big': BIG, b'good': b'1'}
    with Store(objects, lambda n, h: h.path == '/bucket/big' and script(n, h)) as store:
        lines = read(store.url, 'tries=2', *options)
    assert lines[1:] == [item(b'good', b'1'), END]
    assert lines[0][:2] == ['unread', b's3://bucket/big']
    return lines[0][2:]


def test_an_object_that_changed_is_never_mixed():
    changed = BIG[::-1]
    assert unread(lambda n, h: n >= 3 and (h.get(b'big', changed) or True), 'range=100000') == [
        'busy', 'GetObject: the object changed while it was read']
    # A server that does not know If-Match.
    assert unread(lambda n, h: n >= 3 and (h.headers.replace_header('If-Match', etag(changed)) or
                                           h.get(b'big', changed) or True), 'range=100000') == [
        'busy', 'GetObject: the object changed while it was read']
    # It had changed already between listing and reading.
    assert unread(lambda n, h: h.get(b'big', changed) or True)[0] == 'busy'


def test_an_object_that_is_gone_or_forbidden_is_told():
    assert unread(lambda n, h: h.problem(404, 'NoSuchKey') or True) == [
        'not-found', 'GetObject: 404 NoSuchKey: as told']
    assert unread(lambda n, h: h.problem(403, 'InvalidObjectState', 'in the archive') or True) == [
        'denied', 'GetObject: 403 InvalidObjectState: in the archive']


def test_an_object_over_the_limit_is_not_asked_for():
    assert unread(lambda n, h: h.problem(500, 'asked') or True, 'max=1000') == [
        'too-large', 'has 256000 bytes, more than 1000']


def lie(status, part, headers):
    """Once: who believes it gets the rest."""
    return lambda n, h: n == 2 and (h.answer(status, part, [('ETag', etag(BIG))] + headers) or True)


@pytest.mark.parametrize('script, options, why', [
    (lie(200, BIG, []), ['range=100000'], 'answered 200 when a range was asked for'),
    (lie(206, BIG[:100000], []), ['range=100000'], 'another range'),
    (lie(206, BIG[:100000], [('Content-Range', 'bytes 1-100000/256000')]), ['range=100000'], 'another range'),
    (lie(206, BIG[:100000], [('Content-Range', 'bytes 0-99999/256001')]), ['range=100000'], 'another range'),
    (lie(206, BIG[:100000], [('Content-Range', 'bytes 0-99999/*')]), ['range=100000'], 'another range'),
    (lie(206, BIG[:100000], [('Content-Range', 'bytes -0-99999/256000')]), ['range=100000'], 'another range'),
    (lie(206, BIG[:99999], [('Content-Range', 'bytes 0-99999/256000')]), ['range=100000'], '99999 bytes where 100000'),
    (lie(200, BIG[:-1], []), [], '255999 bytes where 256000'),
    (lie(200, BIG + b'x', []), [], '256001 bytes where 256000'),
    (lie(206, BIG, [('Content-Range', 'bytes 0-255999/256000')]), [], 'answered 206'),
    (lie(204, b'', []), [], 'answered 204'),
    (lie(302, b'', [('Location', 'http://127.0.0.1:9/')]), [], 'the server answered 302'),
    (lambda n, h: h.answer(200, BIG) or True, [], 'the object changed'),
], ids=lambda x: x if isinstance(x, str) else '')
def test_lies_about_ranges_are_seen(script, options, why):
    assert why in unread(script, *options)[1]


def test_a_body_without_length_is_held_to_what_was_asked_for():
    def chunked(body):
        def script(_, handler):
            handler.send_response(200)
            handler.send_header('ETag', etag(BIG))
            handler.send_header('Transfer-Encoding', 'chunked')
            handler.end_headers()
            handler.wfile.write(b'%x\r\n' % len(body) + body + b'\r\n0\r\n\r\n')
            return True
        return script
    assert 'more than was asked for' in unread(chunked(BIG + b'x'))[1]
    assert 'less than it said' in unread(lambda n, h: chunked(BIG[:10])(n, h) if n < 3 else h.problem(500, 'x') or True,
                                         'tries=1')[1]


def listing(body):
    return lambda n, h: h.answer(200, body) or True


@pytest.mark.parametrize('script, kind, why', [
    (listing(b'<html>log in</html>'), 'input', 'the listing: another document'),
    (listing(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), 'input', 'the listing: a document type'),
    (listing(b' ' * (17 << 20)), 'input', 'a page is longer than 16 MiB'),
    (listing(b'<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same'
             b'</NextContinuationToken></ListBucketResult>'), 'input', 'the listing: does not go on'),
    (lambda n, h: n < 4 and (h.answer(
        200, b'<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>token/0=</NextContinuationToken>'
             b'<Contents><Key>folder/</Key><LastModified>2020-01-01T00:00:00Z</LastModified><ETag>e</ETag><Size>0</Size>'
             b'</Contents></ListBucketResult>') or True), 'input', 'the listing: does not go on'),
    (lambda n, h: h.answer(200, b'<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d'
                                b'</NextContinuationToken></ListBucketResult>' % n) or True,
     'input', 'the listing: does not go on'),
    (lambda n, h: h.problem(404, 'NoSuchBucket') or True, 'not-found', 'NoSuchBucket'),
    (lambda n, h: h.problem(301, 'PermanentRedirect', headers=[('x-amz-bucket-region', 'eu-west-9')]) or True,
     'input', 'the bucket is in the region eu-west-9 (AWS_REGION)'),
], ids=lambda x: x if isinstance(x, str) else '')
def test_a_listing_that_is_none_is_told(script, kind, why):
    with Store({}, script) as store:
        last = read(store.url, 'tries=2')
    if len(last) == 2:  # what follows the first page is trouble under the bucket's name
        assert last[0][:3] == ['trouble', b's3://bucket/', kind] and why in last[0][3] and last[1] == END
    else:
        assert last[0][1] == kind and why in last[0][2]


def test_a_page_that_fails_is_trouble_and_what_came_stands():
    with Store({b'%d' % i: b'%d' % i for i in range(4)}, page=2,
               script=lambda n, h: 'continuation' in h.path and (h.problem(500, 'InternalError') or True)) as store:
        assert read(store.url, 'tries=2') == [
            item(b'0', b'0'), item(b'1', b'1'),
            ['trouble', b's3://bucket/', 'system', 'ListObjectsV2: 500 InternalError: as told'], END]


def test_it_stops_between_objects():
    with Store({b'%d' % i: b'x' for i in range(5)}) as store:
        lines = read(store.url, 'stop=2')
    assert [line[0] for line in lines] == ['item', 'item', 'end'] and lines[-1][1] == 'busy'


def test_an_unreachable_or_unproved_server_is_told(tmp_path):
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        (end,) = read(f'http://127.0.0.1:{closed.getsockname()[1]}', 'tries=2')
    assert end[1] == 'system' and 'connect' in end[2].lower()
    pem = tmp_path / 'self-signed.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', pem, '-out', tmp_path / 'cert.pem', '-subj', '/CN=127.0.0.1', '-days', '2'],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / 'cert.pem', pem)
    with Store({b'a': b'1'}) as store:
        store.socket = context.wrap_socket(store.socket, server_side=True, do_handshake_on_connect=False)
        (end,) = read(store.url.replace('http:', 'https:'))
        assert end[1] == 'system' and 'certificate' in end[2].lower()
        assert not store.requests


@pytest.mark.parametrize('url, endpoint, why', [
    ('s3://', 'http://127.0.0.1:9', 'names no bucket'), ('s3://UPPER/', 'http://127.0.0.1:9', 'names no bucket'),
    ('s3://a@b/', 'http://127.0.0.1:9', 'names no bucket'), ('s3://bucket/', 'ftp://x', 'AWS_ENDPOINT_URL'),
    ('s3://bucket/', 'http://user@host', 'AWS_ENDPOINT_URL'), ('s3://bucket/', 'http://h/path', 'AWS_ENDPOINT_URL')])
def test_malformed_addresses_are_refused(url, endpoint, why):
    (end,) = read(endpoint, url=url)
    assert end[1] == 'input' and why in end[2]


def test_missing_keys_are_told():
    (end,) = read('http://127.0.0.1:9', key_id='')
    assert end[1] == 'input' and 'AWS_ACCESS_KEY_ID' in end[2]


# A real server.

def install_s3rver():
    """Outside of the tree, once; None without npm or network."""
    home = pathlib.Path(os.environ.get('XDG_CACHE_HOME', pathlib.Path.home() / '.cache'))
    folder = home / 'hashgate-tests' / f's3rver-{S3RVER}'
    program = folder / 'node_modules' / 's3rver' / 'bin' / 's3rver.js'
    if not program.exists() and shutil.which('npm'):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder,
                        f's3rver@{S3RVER}'], capture_output=True, timeout=120, check=False)
    return program if program.exists() else None


@pytest.fixture(scope='module')
def s3rver(tmp_path_factory):
    program = install_s3rver()
    if program is None or not shutil.which('node'):
        pytest.skip('skipped: no s3rver (node, npm and the network are needed once)')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    # It enciphers its continuation tokens by what OpenSSL 3 calls legacy.
    server = subprocess.Popen(['node', '--openssl-legacy-provider', program, '--silent', '--address', '127.0.0.1',
                               '--port', str(port), '--directory', tmp_path_factory.mktemp('s3rver'),
                               '--configure-bucket', 'bucket'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    break
            time.sleep(0.05)
        yield f'http://127.0.0.1:{port}'
    finally:
        server.kill()
        server.wait()


def test_a_real_server(s3rver, tmp_path):
    keys = dict(region='us-east-1', key_id='S3RVER', secret='S3RVER')
    objects = {f'many/{i:04}.jpg': b'%d' % i for i in range(1100)}
    objects |= {'big file+.bin': BIG, 'dir/ü & co.txt': b'odd'}
    with requests.Session() as session:
        for key, body in objects.items():
            path = requests.utils.quote('/bucket/' + key, safe='/')
            when = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
            payload = hashlib.sha256(body).hexdigest()
            headers = {'host': s3rver.removeprefix('http://'), 'x-amz-date': when, 'x-amz-content-sha256': payload}
            headers['Authorization'] = s3_store.sign('PUT', path, '', headers, when, payload=payload, **keys)
            answer = session.put(s3rver + path, data=body, headers=headers)
            assert answer.status_code == 200, answer.text
    lines = read(s3rver, 'range=100000', **keys)
    assert lines[-1] == END
    found = {line[1].decode().removeprefix('s3://bucket/'): line for line in lines[:-1]}
    assert set(found) == set(objects) and len(lines) == len(objects) + 1
    for key, body in objects.items():
        assert found[key][0] == 'item' and found[key][2] == len(body)
        assert found[key][4] == etag(body) and found[key][5] == hashlib.sha256(body).hexdigest()
    assert len(read(s3rver, url='s3://bucket/many/00', **keys)) == 101
    assert read(s3rver, url='s3://nowhere-at-all/', **keys)[-1][1] == 'not-found'
    env = dict(os.environ, AWS_ACCESS_KEY_ID='S3RVER', AWS_SECRET_ACCESS_KEY='S3RVER', AWS_REGION='us-east-1',
               AWS_ENDPOINT_URL=s3rver, no_proxy='*')
    listed = tmp_path / 'list.txt'
    listed.write_text('sha256 ' + hashlib.sha256(b'17').hexdigest() + '\n')
    scan = subprocess.run([BIN / 'hashgate', 'scan', 's3://bucket/', '--offline', listed, '--state', tmp_path / 's'],
                          env=env, capture_output=True, timeout=120, check=False)
    assert scan.returncode == 1 and scan.stderr.startswith(f'{len(objects)} files: 1 matched'.encode()), scan.stderr
    assert b's3://bucket/many/0017.jpg' in scan.stdout
    # It looks at keys and not at signatures; those are for the store above.
    assert read(s3rver, **dict(keys, key_id='OTHER'))[-1][1:] == [
        'denied', 'ListObjectsV2: 403 InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our '
        'records.']
