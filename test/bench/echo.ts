import type { AddressInfo } from "node:net";
import express from "express";

/*
 * What everything is measured against: Express 5 that parses a JSON body and sends it back. As a program of its own; its
 * port is the first line it prints.
 */
const app = express();
app.disable("x-powered-by");
app.use(express.json({ limit: "1mb" }));
app.post("/echo", (request, response) => {
  response.status(201).json(request.body);
});
const server = app.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});
process.once("SIGTERM", () => process.exit(0));
