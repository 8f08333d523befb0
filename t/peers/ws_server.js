// A WebSocket server of node-ws, for the tests: ws_server.js PORT
//
// As ws_server.py.
'use strict';

const { WebSocketServer } = require('ws');

const server = new WebSocketServer({
    host: '127.0.0.1',
    port: Number(process.argv[2]),
    maxPayload: 0,
    perMessageDeflate: true,
    handleProtocols: (protocols) =>
        protocols.has('chat') ? 'chat' : false,
});

server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('pong', () => socket.send('pong'));
    socket.on('message', (data, binary) => {
        const words = binary ? [''] : data.toString().split(' ');
        if (words[0] === 'close') {
            socket.close(Number(words[1]), words[2]);
        }
        else if (words[0] === 'ping') {
            socket.ping('are you there');
        }
        else if (words[0] === 'flood') {
            for (let i = 0; i < Number(words[1]); i++) {
                socket.send('x'.repeat(1000));
            }
        }
        else {
            socket.send(data, { binary });
        }
    });
});
