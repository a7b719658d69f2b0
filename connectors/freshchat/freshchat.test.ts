import { connectorContract } from "../../test/contracts/connector-contract.ts";
import { freshchatBench } from "../../test/contracts/freshchat-bench.ts";

connectorContract("freshchat", {
  labels: "in a note",
  opensWith: "words",
  create: () => freshchatBench(),
  sign: null,
  samples: null,
});
