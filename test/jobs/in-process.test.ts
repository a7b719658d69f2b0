import { createInProcessJobs } from "../../src/jobs/in-process.ts";
import { jobsContract } from "../contracts/jobs-contract.ts";

jobsContract("in process", { create: createInProcessJobs });
