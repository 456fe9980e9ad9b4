// SPDX-License-Identifier: Apache-2.0
// Calls of shop.Orders by gRPC-Web's own client, in base64 and as they are: node grpc_web.js ADDRESS:PORT. Needs grpc-web
// 1.5.0, google-protobuf and xhr2.
globalThis.XMLHttpRequest = require('xhr2');
const web = require('grpc-web');

class Text {
  constructor(text) { this.text = text; }
}

const describe = (name, type) => new web.MethodDescriptor('/shop.Orders/' + name, type, Text, Text,
    message => Uint8Array.from(Buffer.from(message.text)), bytes => new Text(Buffer.from(bytes).toString()));

async function calls(base, format) {
  const client = new web.GrpcWebClientBase({format});
  const get = (name, text) => new Promise(done => client.rpcCall(base + '/shop.Orders/' + name, new Text(text), {},
      describe(name, web.MethodType.UNARY), done));
  await get('Get', '1');
  await get('Get', 'nothing');
  await get('None', 'x');
  await new Promise(done => {
    const stream = client.serverStreaming(base + '/shop.Orders/List', new Text('all'), {},
        describe('List', web.MethodType.SERVER_STREAMING));
    stream.on('data', () => {});
    stream.on('error', () => {});
    stream.on('end', done);
  });
}

const base = 'http://' + process.argv[2];
calls(base, 'text').then(() => calls(base, 'binary'));
