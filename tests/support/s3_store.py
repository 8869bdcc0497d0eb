"""A small store of objects that speaks S3, checks signatures on its own, and misbehaves as told."""
import datetime
import hashlib
import hmac
import http.server
import threading
import urllib.parse
from xml.sax.saxutils import escape

KEY_ID, SECRET, REGION = 'AKIDTESTONLY', 'not+a/secret', 'eu-test-1'
EMPTY = hashlib.sha256(b'').hexdigest()


def sign(method, path, query, headers, when, secret=SECRET, key_id=KEY_ID, region=REGION, payload=EMPTY):
    """The header Authorization: written from the manual, not from our C."""
    names = sorted(headers)
    canonical = '\n'.join([method, path, query] + [f'{n}:{headers[n]}' for n in names] +
                          ['', ';'.join(names), payload])
    scope = f'{when[:8]}/{region}/s3/aws4_request'
    text = '\n'.join(['AWS4-HMAC-SHA256', when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + secret).encode()
    for part in (when[:8], region, 's3', 'aws4_request'):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return (f'AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={";".join(names)}, '
            f'Signature={signature}')


def etag(body):
    return '"' + hashlib.md5(body).hexdigest() + '"'


class Store(http.server.ThreadingHTTPServer):
    """objects: {key bytes: body}.  script(request number, handler) may answer instead: then True."""
    daemon_threads = True

    def __init__(self, objects, script=None, page=1000, encode=True, token=None):
        super().__init__(('127.0.0.1', 0), Handler)
        self.objects, self.script, self.page, self.encode, self.token = objects, script, page, encode, token
        self.requests, self.failures = [], []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}'

    def handle_error(self, request, client_address):
        pass  # a reader that hangs up is no news

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b'', headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length > len(body):
            self.close_connection = True

    def problem(self, status, code, message='as told', headers=()):
        self.answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message>'
                            '</Error>'.encode(), headers)

    def signed(self):
        given = self.headers.get('Authorization', '')
        names = given.partition('SignedHeaders=')[2].partition(',')[0].split(';')
        path, _, query = self.path.partition('?')
        headers = {n: self.headers.get(n, '') for n in names}
        when = self.headers.get('x-amz-date', '')
        now = datetime.datetime.now(datetime.timezone.utc)
        age = now - datetime.datetime.strptime(when, '%Y%m%dT%H%M%S%z')
        needed = {'host', 'x-amz-content-sha256', 'x-amz-date'} | (
            {'range'} & {n.lower() for n in self.headers}) | ({'if-match'} & {n.lower() for n in self.headers})
        return (abs(age.total_seconds()) < 900 and needed <= set(names) and
                self.server.token == self.headers.get('x-amz-security-token') and
                given == sign('GET', path, query, headers, when))

    def do_GET(self):
        store = self.server
        store.requests.append((self.path, {n.lower(): v for n, v in self.headers.items()}))
        if not self.signed():
            store.failures.append(self.path)
            return self.problem(403, 'SignatureDoesNotMatch')
        if store.script and store.script(len(store.requests), self):
            return None
        path, _, query = self.path.partition('?')
        if path == '/bucket':
            return self.list(dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
        return self.get(urllib.parse.unquote_to_bytes(path.removeprefix('/bucket/')))

    def list(self, query):
        assert query['list-type'] == '2'
        prefix = query['prefix'].encode('utf-8', 'surrogateescape')
        keys = sorted(k for k in self.server.objects if k.startswith(prefix))
        at = int(query.get('continuation-token', 'token/0=').removeprefix('token/').removesuffix('='))
        part = keys[at:at + self.server.page]
        body = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
        if self.server.encode:
            body += '<EncodingType>url</EncodingType>'
        for key in part:
            name = (urllib.parse.quote_plus(key, safe='/') if self.server.encode else escape(key.decode()))
            data = self.server.objects[key]
            body += (f'<Contents><Key>{name}</Key><LastModified>2021-02-03T04:05:06.007Z</LastModified>'
                     f'<ETag>{escape(etag(data), {chr(34): "&quot;"})}</ETag><Size>{len(data)}</Size></Contents>')
        more = at + len(part) < len(keys)
        body += f'<IsTruncated>{str(more).lower()}</IsTruncated>'
        if more:
            body += f'<NextContinuationToken>token/{at + len(part)}=</NextContinuationToken>'
        self.answer(200, (body + '</ListBucketResult>').encode())

    def span(self, body):
        """What is asked for: first byte, byte behind the last, as a range?"""
        text = self.headers.get('Range')
        if text is None:
            return 0, len(body), False
        first, _, last = text.removeprefix('bytes=').partition('-')
        return int(first), min(int(last) + 1, len(body)), True

    def get(self, key, body=None, tag=None, cut=None):
        body = self.server.objects.get(key) if body is None else body
        if body is None:
            return self.problem(404, 'NoSuchKey')
        tag = tag or etag(body)
        if self.headers.get('If-Match', tag) != tag:
            return self.problem(412, 'PreconditionFailed')
        first, end, ranged = self.span(body)
        headers = [('ETag', tag)]
        if ranged:
            headers.append(('Content-Range', f'bytes {first}-{end - 1}/{len(body)}'))
        part = body[first:end]
        return self.answer(206 if ranged else 200, part if cut is None else part[:cut], headers,
                           None if cut is None else len(part))
