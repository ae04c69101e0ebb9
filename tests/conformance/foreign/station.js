// A station of ocpp-rpc, in strict mode: it refuses everything of the platform that
// breaks the specification's schemas. Ends 0 with one JSON line of what it saw.
//
// Usage: node station.js <endpoint> <identity> <password> <subprotocol> <answers>
// where <answers> is a JSON file: action -> answer, for what is not answered here.
"use strict";

const { readFileSync } = require("node:fs");
const { RPCClient, createRPCError } = require("ocpp-rpc");

const [endpoint, identity, password, subprotocol, answers] = process.argv.slice(2);
const OTHERS = JSON.parse(readFileSync(answers, "utf8"));
const GIVE_UP_MS = 60000;
const METER_START_WH = 1000;
const METER_STOP_WH = 6000;
const seen = { calls: [], violations: [], answers: {} };
let asked = () => {};

const client = new RPCClient({
  endpoint,
  identity,
  password,
  protocols: [subprotocol],
  strictMode: true,
  reconnect: false,
});

client.on("strictValidationFailure", ({ error }) => {
  seen.violations.push(String(error && error.message));
});

// What the platform asks, and how this station answers.
const ANSWERS = {
  "ocpp1.6": {
    Reset: () => ({ status: "Accepted" }),
    ClearCache: () => ({ status: "Accepted" }),
    GetConfiguration: ({ key }) => ({ unknownKey: key || [] }),
    ChangeConfiguration: () => ({ status: "NotSupported" }),
    TriggerMessage: () => ({ status: "Accepted" }),
    UnlockConnector: () => ({ status: "Unlocked" }),
  },
  "ocpp2.0.1": {
    Reset: () => ({ status: "Accepted" }),
    ClearCache: () => ({ status: "Accepted" }),
    GetBaseReport: () => ({ status: "NotSupported" }),
    GetVariables: ({ getVariableData }) => ({
      getVariableResult: getVariableData.map((one) => ({
        component: one.component,
        variable: one.variable,
        attributeStatus: "UnknownVariable",
      })),
    }),
    SetVariables: ({ setVariableData }) => ({
      setVariableResult: setVariableData.map((one) => ({
        component: one.component,
        variable: one.variable,
        attributeStatus: "UnknownVariable",
      })),
    }),
    TriggerMessage: () => ({ status: "Accepted" }),
    UnlockConnector: () => ({ status: "Unlocked" }),
  },
}[subprotocol];

client.handle(({ method, params }) => {
  seen.calls.push(method);
  asked();
  if (ANSWERS[method]) return ANSWERS[method](params);
  if (OTHERS[method]) return OTHERS[method];
  throw createRPCError("NotSupported");
});

const now = () => new Date().toISOString();

async function call(name, payload) {
  seen.answers[name] = await client.call(name, payload);
  return seen.answers[name];
}

async function charge16() {
  await call("BootNotification", {
    chargePointVendor: "Foreign",
    chargePointModel: "Strict",
  });
  await call("Heartbeat", {});
  await call("StatusNotification", {
    connectorId: 1,
    errorCode: "NoError",
    status: "Preparing",
    timestamp: now(),
  });
  await call("Authorize", { idTag: "FOREIGN1" });
  const { transactionId } = await call("StartTransaction", {
    connectorId: 1,
    idTag: "FOREIGN1",
    meterStart: METER_START_WH,
    timestamp: now(),
  });
  await call("MeterValues", {
    connectorId: 1,
    transactionId,
    meterValue: [
      { timestamp: now(), sampledValue: [{ value: String(METER_START_WH + 10) }] },
    ],
  });
  await call("StopTransaction", {
    transactionId,
    idTag: "FOREIGN1",
    meterStop: METER_STOP_WH,
    timestamp: now(),
  });
  await call("DataTransfer", { vendorId: "nobody.knows" });
}

async function charge201() {
  await call("BootNotification", {
    reason: "PowerUp",
    chargingStation: { vendorName: "Foreign", model: "Strict" },
  });
  await call("Heartbeat", {});
  await call("StatusNotification", {
    timestamp: now(),
    connectorStatus: "Occupied",
    evseId: 1,
    connectorId: 1,
  });
  const idToken = { idToken: "FOREIGN1", type: "ISO14443" };
  await call("Authorize", { idToken });
  const transactionId = "foreign-1";
  const meterValue = (value, context) => [
    { timestamp: now(), sampledValue: [{ value, context }] },
  ];
  const event = (eventType, seqNo, triggerReason, more) =>
    call("TransactionEvent", {
      eventType,
      seqNo,
      triggerReason,
      timestamp: now(),
      transactionInfo: { transactionId },
      ...more,
    });
  const evse = { id: 1, connectorId: 1 };
  await event("Started", 0, "Authorized", {
    evse,
    idToken,
    meterValue: meterValue(METER_START_WH, "Transaction.Begin"),
  });
  await event("Updated", 1, "MeterValuePeriodic", {
    meterValue: meterValue(METER_START_WH + 10, "Sample.Periodic"),
  });
  await event("Ended", 2, "EVDeparted", {
    meterValue: meterValue(METER_STOP_WH, "Transaction.End"),
  });
  await call("DataTransfer", { vendorId: "nobody.knows" });
}

async function main() {
  await client.connect();
  await (subprotocol === "ocpp1.6" ? charge16() : charge201());
  console.log("ready");
  // Our commands come; the reset is the last of them.
  await new Promise((resolve) => {
    asked = () => seen.calls.includes("Reset") && setTimeout(resolve, 100);
    asked();
  });
  await call("Heartbeat", {});
  await client.close();
  console.log(JSON.stringify(seen));
}

setTimeout(() => {
  console.log(JSON.stringify({ ...seen, gaveUp: true }));
  process.exit(2);
}, GIVE_UP_MS).unref();
main().catch((error) => {
  console.log(JSON.stringify({ ...seen, error: String(error) }));
  process.exit(1);
});
