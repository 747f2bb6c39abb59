// Print detections: npm install, then node subscriber.mjs tcp://127.0.0.1:5561 15, address and patience in s.
// A third argument is the file with the keys of this subscriber, where the feed is encrypted.

import { readFileSync } from "node:fs";
import process from "node:process";
import { Subscriber } from "zeromq";

const KNOWN = { detection: 1, heartbeat: 1 }; // schemas, each with the major version that this program reads
const [address, patienceS, keyFile] = process.argv.slice(2);
const socket = new Subscriber({ receiveTimeout: 1000 * Number(patienceS) });
socket.subscribe(); // one sequence counts all topics, so with a filter here the others would look lost
if (keyFile) {
  const keys = Object.fromEntries(
    [...readFileSync(keyFile, "utf8").matchAll(/^\s*(\w+)-key = "(.{40})"/gm)].map((found) => found.slice(1)),
  );
  socket.curvePublicKey = keys.public;
  socket.curveSecretKey = keys.secret;
  socket.curveServerKey = keys.server;
}
socket.connect(address);

async function receive() {
  for (;;) {
    try {
      return await socket.receive();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      console.log("silence: not even a heartbeat");
    }
  }
}

let [lastSession, last] = ["", 0n];
for (;;) {
  const [topic, header, frame] = await receive();
  const session = header.toString("hex", 0, 16);
  const sequence = header.readBigUInt64BE(16);
  if (session !== lastSession) console.log(`session ${session} from message ${sequence}`);
  else if (sequence !== last + 1n) console.log(`missed ${sequence - last - 1n} messages`);
  [lastSession, last] = [session, sequence];

  // Numbers in ns do not fit JavaScript's numbers: take the times that are text.
  const body = JSON.parse(frame.toString());
  const [, kind, major] = body.schema.split("/");
  if (Number(major) > (KNOWN[kind] ?? Infinity)) {
    console.error(`${body.schema} is newer than this program`);
    process.exit(1);
  }
  if (kind === "heartbeat") {
    console.log(`heartbeat of ${body.host}: ${body.stations.ok} instruments ok`);
  } else if (kind === "detection") {
    console.log(`${body.onset_time} ${topic} ${body.state} ${body.peak_probability.toFixed(2)}`);
  }
}
