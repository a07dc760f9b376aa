"""A full round with OpenFGA's Python SDK. Arguments: the service's address, a key, the model's file."""
import json
import sys
from datetime import timedelta

from openfga_sdk import FgaObject, ReadRequestTupleKey, UserTypeFilter
from openfga_sdk.client import ClientConfiguration
from openfga_sdk.client.models import (
    ClientAssertion,
    ClientBatchCheckItem,
    ClientBatchCheckRequest,
    ClientCheckRequest,
    ClientExpandRequest,
    ClientListObjectsRequest,
    ClientReadChangesRequest,
    ClientTuple,
    ClientWriteRequest,
    ClientWriteRequestOnDuplicateWrites,
    ClientWriteRequestOnMissingDeletes,
    ConflictOptions,
)
from openfga_sdk.client.models.list_users_request import ClientListUsersRequest
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import NotFoundException, UnauthorizedException, ValidationException
from openfga_sdk.models import CreateStoreRequest, RelationshipCondition
from openfga_sdk.sync import OpenFgaClient

url, key, model_file = sys.argv[1:]
NOW = {"now": "2026-10-01T09:00:00Z"}


def client(token, store=None):
    credentials = Credentials(method="api_token", configuration=CredentialConfiguration(api_token=token))
    return OpenFgaClient(ClientConfiguration(api_url=url, store_id=store, credentials=credentials))


def plan(user, **more):
    return {"user": user, "relation": "viewer", "object": "document:plan", **more}


def check(fga, user, **more):
    return fga.check(ClientCheckRequest(**plan(user, **more))).allowed


def fails(call, kind, code):
    try:
        call()
    except kind as error:
        found = error.parsed_exception.code if error.parsed_exception else None
        found = getattr(found, "value", found)
        assert found == code or (found is None and code in str(error)), (found, error)
        return
    raise AssertionError(f"expected {code}")


fga = client(key)

# Stores.
store = fga.create_store(CreateStoreRequest(name="python-round"))
fga.set_store_id(store.id)
assert fga.get_store().name == "python-round"
assert store.id in [one.id for one in fga.list_stores({"page_size": 100}).stores]

# A model.
fails(lambda: check(fga, "user:alice"), ValidationException, "latest_authorization_model_not_found")
with open(model_file) as file:
    model = fga.write_authorization_model(json.load(file)).authorization_model_id
fga.set_authorization_model_id(model)
assert fga.read_latest_authorization_model().authorization_model.id == model
assert fga.read_authorization_model().authorization_model.conditions["until"].expression == "now < end"

# Tuples.
member = ClientTuple(user="user:alice", relation="member", object="team:sre")
until = RelationshipCondition(name="until", context={"end": "2027-01-01T00:00:00Z"})
writes = [ClientTuple(**plan("team:sre#member")), member, ClientTuple(**plan("user:bob", condition=until))]
fga.write(ClientWriteRequest(writes=writes))
again = ClientWriteRequest(writes=[member])
fails(lambda: fga.write(again), ValidationException, "write_failed_due_to_invalid_input")
fga.write(again, {"conflict": ConflictOptions(on_duplicate_writes=ClientWriteRequestOnDuplicateWrites.IGNORE)})
gone = ClientWriteRequest(deletes=[ClientTuple(**plan("user:carol"))])
fga.write(gone, {"conflict": ConflictOptions(on_missing_deletes=ClientWriteRequestOnMissingDeletes.IGNORE)})
first = fga.read(ReadRequestTupleKey(object="document:plan"), {"page_size": 1})
second = fga.read(ReadRequestTupleKey(object="document:plan"), {"continuation_token": first.continuation_token})
assert sorted(one.key.user for one in first.tuples + second.tuples) == ["team:sre#member", "user:bob"]
assert all(one.timestamp.utcoffset() == timedelta() for one in first.tuples)

# Questions.
assert check(fga, "user:alice")
assert check(fga, "user:bob", context=NOW)
assert not check(fga, "user:bob", context={"now": "2027-01-01T00:00:00Z"})
assert check(fga, "user:carol", contextual_tuples=[ClientTuple(**plan("user:carol"))])
traced = fga.check(ClientCheckRequest(**plan("user:alice")), {"headers": {"Behest-Trace": "true"}})
assert traced.resolution == "document:plan#viewer@team:sre#member, team:sre#member@user:alice", traced.resolution
items = [
    ClientBatchCheckItem(**plan("user:alice"), correlation_id="yes"),
    ClientBatchCheckItem(**plan("user:carol"), correlation_id="no"),
    ClientBatchCheckItem(user="user:carol", relation="nothing", object="document:plan", correlation_id="wrong"),
]
answers = {one.correlation_id: one for one in fga.batch_check(ClientBatchCheckRequest(checks=items)).result}
assert answers["yes"].allowed and not answers["no"].allowed
assert answers["wrong"].error.input_error == "validation_error", answers["wrong"].error
tree = fga.expand(ClientExpandRequest(relation="viewer", object="document:plan")).tree
assert sorted(tree.root.leaf.users.users) == ["team:sre#member", "user:bob"]

# Lists.
question = ClientListObjectsRequest(user="user:alice", relation="reader", type="document")
assert fga.list_objects(question).objects == ["document:plan"]
assert [one.object for one in fga.streamed_list_objects(question)] == ["document:plan"]
wanted = ClientListUsersRequest(
    object=FgaObject(type="document", id="plan"),
    relation="viewer",
    user_filters=[UserTypeFilter(type="user")],
    context=NOW,
)
assert sorted(one.object.id for one in fga.list_users(wanted).users) == ["alice", "bob"]

# Changes.
of_documents = ClientReadChangesRequest("document")
changes = fga.read_changes(of_documents, {"page_size": 100})
assert len(changes.changes) == 2
fga.write(ClientWriteRequest(deletes=[ClientTuple(**plan("user:bob"))]))
later = fga.read_changes(of_documents, {"continuation_token": changes.continuation_token})
assert [one.operation for one in later.changes] == ["TUPLE_OPERATION_DELETE"]

# Assertions.
fga.write_assertions([ClientAssertion(**plan("user:alice"), expectation=True)])
assert fga.read_assertions().assertions[0].expectation is True

# Errors.
wrong = ClientCheckRequest(user="user:alice", relation="nothing", object="document:plan")
fails(lambda: fga.check(wrong), ValidationException, "validation_error")
fails(lambda: client("nobody", store.id).get_store(), UnauthorizedException, "unauthenticated")
fga.delete_store()
fails(lambda: fga.get_store(), NotFoundException, "store_id_not_found")
print("Python SDK: a full round")
