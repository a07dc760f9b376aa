// A full round with OpenFGA's JavaScript SDK. Arguments: the service's address, a key, the model's file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  ClientWriteRequestOnDuplicateWrites as OnDuplicate,
  ClientWriteRequestOnMissingDeletes as OnMissing,
  CredentialsMethod,
  FgaApiAuthenticationError,
  FgaApiNotFoundError,
  FgaApiValidationError,
  OpenFgaClient,
} from "@openfga/sdk";

const [, , apiUrl, key, modelFile] = process.argv;
const withKey = (token) => ({ method: CredentialsMethod.ApiToken, config: { token } });
const fga = new OpenFgaClient({ apiUrl, credentials: withKey(key), retryParams: { maxRetry: 0 } });
const now = { now: "2026-10-01T09:00:00Z" };
const plan = (user) => ({ user, relation: "viewer", object: "document:plan" });
const fails = async (call, kind, code) => {
  await assert.rejects(call, (error) => {
    assert(error instanceof kind, `${error}`);
    assert.equal(error.apiErrorCode, code);
    return true;
  });
};

// Stores.
const store = await fga.createStore({ name: "js-round" });
fga.storeId = store.id;
assert.equal((await fga.getStore()).name, "js-round");
const listed = await fga.listStores({ name: "js-round" });
assert(listed.stores.some(({ id }) => id === store.id));

// A model.
await fails(() => fga.check(plan("user:alice")), FgaApiValidationError, "latest_authorization_model_not_found");
const model = await fga.writeAuthorizationModel(JSON.parse(readFileSync(modelFile)));
fga.authorizationModelId = model.authorization_model_id;
assert.equal((await fga.readLatestAuthorizationModel()).authorization_model.id, model.authorization_model_id);
assert.equal((await fga.readAuthorizationModel()).authorization_model.conditions.until.expression, "now < end");
assert.equal((await fga.readAuthorizationModels()).authorization_models.length, 1);

// Tuples.
const member = { user: "user:alice", relation: "member", object: "team:sre" };
const until = { ...plan("user:bob"), condition: { name: "until", context: { end: "2027-01-01T00:00:00Z" } } };
await fga.write({ writes: [plan("team:sre#member"), member, until] });
await fails(() => fga.write({ writes: [member] }), FgaApiValidationError, "write_failed_due_to_invalid_input");
await fga.write({ writes: [member] }, { conflict: { onDuplicateWrites: OnDuplicate.Ignore } });
await fga.write({ deletes: [plan("user:carol")] }, { conflict: { onMissingDeletes: OnMissing.Ignore } });
const first = await fga.read({ object: "document:plan" }, { pageSize: 1 });
const second = await fga.read({ object: "document:plan" }, { continuationToken: first.continuation_token });
const users = [...first.tuples, ...second.tuples].map((tuple) => tuple.key.user);
assert.deepEqual(users.sort(), ["team:sre#member", "user:bob"]);
assert.equal(second.continuation_token, "");

// Questions.
assert.equal((await fga.check(plan("user:alice"))).allowed, true);
assert.equal((await fga.check({ ...plan("user:bob"), context: now })).allowed, true);
assert.equal((await fga.check({ ...plan("user:bob"), context: { now: "2027-01-01T00:00:00Z" } })).allowed, false);
assert.equal((await fga.check({ ...plan("user:carol"), contextualTuples: [plan("user:carol")] })).allowed, true);
const traced = await fga.check(plan("user:alice"), { headers: { "Behest-Trace": "true" } });
assert.equal(traced.resolution, "document:plan#viewer@team:sre#member, team:sre#member@user:alice");
const batch = await fga.batchCheck({
  checks: [
    { ...plan("user:alice"), correlationId: "yes" },
    { ...plan("user:carol"), correlationId: "no" },
    { ...plan("user:carol"), relation: "nothing", correlationId: "wrong" },
  ],
});
const answers = Object.fromEntries(batch.result.map((item) => [item.correlationId, item]));
assert.equal(answers.yes.allowed, true);
assert.equal(answers.no.allowed, false);
assert.equal(answers.wrong.error.input_error, "validation_error");
const tree = (await fga.expand({ relation: "viewer", object: "document:plan" })).tree;
assert.deepEqual(tree.root.leaf.users.users.sort(), ["team:sre#member", "user:bob"]);

// Lists.
const question = { user: "user:alice", relation: "reader", type: "document" };
assert.deepEqual((await fga.listObjects(question)).objects, ["document:plan"]);
const streamed = [];
for await (const { object } of fga.streamedListObjects(question)) streamed.push(object);
assert.deepEqual(streamed, ["document:plan"]);
const viewers = await fga.listUsers({
  object: { type: "document", id: "plan" },
  relation: "viewer",
  user_filters: [{ type: "user" }],
  context: now,
});
assert.deepEqual(viewers.users.map(({ object }) => object.id).sort(), ["alice", "bob"]);
// The SDK asks for each relation by itself, and lists them in the order in which the answers come.
const relations = await fga.listRelations({ ...plan("user:alice"), relations: ["viewer", "reader"] });
assert.deepEqual(relations.relations.sort(), ["reader", "viewer"]);

// Changes.
const changes = await fga.readChanges({ type: "document" });
assert.deepEqual(changes.changes.map(({ operation }) => operation), ["TUPLE_OPERATION_WRITE", "TUPLE_OPERATION_WRITE"]);
await fga.write({ deletes: [plan("user:bob")] });
const later = await fga.readChanges({ type: "document" }, { continuationToken: changes.continuation_token });
assert.deepEqual(later.changes.map(({ operation }) => operation), ["TUPLE_OPERATION_DELETE"]);
const end = await fga.readChanges({ type: "document" }, { continuationToken: later.continuation_token });
assert.deepEqual([end.changes, end.continuation_token], [[], later.continuation_token]);

// Assertions.
await fga.writeAssertions([{ ...plan("user:alice"), expectation: true }]);
assert.equal((await fga.readAssertions()).assertions[0].expectation, true);

// Errors.
await fails(() => fga.check({ ...plan("user:alice"), relation: "nothing" }), FgaApiValidationError, "validation_error");
await fails(() => fga.listObjects({ ...question, type: "nothing" }), FgaApiValidationError, "type_not_found");
const nowhere = { storeId: "01ARZ3NDEKTSV4RRFFQ69G5FAV" };
await fails(() => fga.getStore(nowhere), FgaApiNotFoundError, "store_id_not_found");
const stranger = new OpenFgaClient({ apiUrl, storeId: store.id, credentials: withKey("nobody") });
await fails(() => stranger.check(plan("user:alice")), FgaApiAuthenticationError, "unauthenticated");

await fga.deleteStore();
await fails(() => fga.getStore(), FgaApiNotFoundError, "store_id_not_found");
console.log("JavaScript SDK: a full round");
