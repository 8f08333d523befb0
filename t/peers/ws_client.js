// A WebSocket client of node-ws, for the tests: ws_client.js URL CA-FILE
//
// As ws_client.py.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const { WebSocket } = require('ws');

const [url, ca] = process.argv.slice(2);
const said = { flood: 0 };
const block = crypto.randomBytes(1000000);
const socket = new WebSocket(url, ['chat'], { ca: fs.readFileSync(ca) });
let step = 0;

function end(problem) {
    if (problem) {
        said.error = String(problem);
    }
    console.log(JSON.stringify(said));
    process.exit(0);
}

setTimeout(() => end('too slow at step ' + step), 30000);
socket.on('error', (problem) => end(problem));
socket.on('unexpected-response', (request, response) =>
    end('status ' + response.statusCode));
socket.on('open', () => {
    said.protocol = socket.protocol;
    said.extensions = socket.extensions ? [socket.extensions] : [];
    socket.send('hällo');
});
socket.on('pong', () => {
    said.ping = true;
    socket.send('ping');
});
socket.on('message', (data, binary) => {
    switch (step++) {
    case 0:
        said.echo = !binary && data.toString() === 'hällo';
        socket.send(block);
        break;
    case 1:
        said.binary = binary && data.equals(block);
        socket.send('a', { fin: false });
        socket.send('b', { fin: false });
        socket.send('c', { fin: true });
        break;
    case 2:
        said.text = data.toString();
        socket.ping();
        break;
    case 3:
        said.pong = data.toString();
        socket.send('flood 2000');
        break;
    default:
        said.flood += data.length;
        if (said.flood === 2000000) {
            socket.send('close 4001 enough');
        }
    }
});
socket.on('close', (code, reason) => {
    said.code = code;
    said.reason = reason.toString();
    end();
});
