"""What an app keeps: secrets, volumes, mounted code, dictionaries, queues, and values too large for a message."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_standin.blobs import Blobs
from tests.modal_standin.hub import Hub, Secret, Volume
from tests.modal_standin.records import Container

_CREATES = (
    api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING,
    api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS,
    api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS,
)
_UNNAMED = (api_pb2.OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP, api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL)


class StoreSide:
    def __init__(self, hub: Hub, blobs: Blobs) -> None:
        self._hub, self._blobs = hub, blobs

    def _named(self, kind: str, prefix: str, name: str, creation: int) -> tuple[str, bool]:
        """The identifier of an object by its name, and whether it was made now."""
        if creation in _UNNAMED or not name:
            return self._hub.new_id(prefix), True
        known = self._hub.names.get((kind, name))
        if known and creation == api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS:
            raise GRPCError(Status.ALREADY_EXISTS, f"{kind} '{name}' exists")
        if known:
            return known, creation == api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS
        if creation not in _CREATES:
            raise GRPCError(Status.NOT_FOUND, f"{kind} '{name}' not found")
        self._hub.names[kind, name] = self._hub.new_id(prefix)
        return self._hub.names[kind, name], True

    # Secrets

    async def secret_get_or_create(
        self, request: api_pb2.SecretGetOrCreateRequest, _: Container | None
    ) -> api_pb2.SecretGetOrCreateResponse:
        secret_id, new = self._named("Secret", "st", request.deployment_name, request.object_creation_type)
        if new:
            self._hub.secrets[secret_id] = Secret(request.deployment_name, dict(request.env_dict))
        held = self._hub.secrets[secret_id]
        missing = [key for key in request.required_keys if key not in held.values]
        if missing:
            raise GRPCError(Status.NOT_FOUND, f"Secret is missing key(s): {', '.join(missing)}")
        metadata = api_pb2.SecretMetadata(name=held.name, keys=sorted(held.values))
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id, metadata=metadata)

    # Mounted code

    async def mount_batched_check_existence(
        self, request: api_pb2.MountBatchedCheckExistenceRequest, _: Container | None
    ) -> api_pb2.MountBatchedCheckExistenceResponse:
        missing = [one for one in request.sha256_hex_hashes if not self._blobs.has_file(one)]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def mount_put_file(
        self, request: api_pb2.MountPutFileRequest, _: Container | None
    ) -> api_pb2.MountPutFileResponse:
        if request.WhichOneof("data_oneof") is not None:
            data = self._blobs.blob(request.data_blob_id) if request.data_blob_id else request.data
            if hashlib.sha256(data).hexdigest() != request.sha256_hex:
                raise GRPCError(Status.INVALID_ARGUMENT, "The file is not what its digest says")
            self._blobs.put_file(request.sha256_hex, data)
        return api_pb2.MountPutFileResponse(exists=self._blobs.has_file(request.sha256_hex))

    async def mount_get_or_create(
        self, request: api_pb2.MountGetOrCreateRequest, _: Container | None
    ) -> api_pb2.MountGetOrCreateResponse:
        creation = request.object_creation_type
        if request.namespace == api_pb2.DEPLOYMENT_NAMESPACE_GLOBAL:  # the SDK's own code, which is installed here
            creation = api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        mount_id, new = self._named("Mount", "mo", request.deployment_name, creation)
        if new:
            self._hub.mounts[mount_id] = list(request.files)
        metadata = api_pb2.MountHandleMetadata(content_checksum_sha256_hex=_digest(self._hub.mounts[mount_id]))
        return api_pb2.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)

    # Volumes are folders; what a container writes is there at once, and commits are only counted.

    async def volume_get_or_create(
        self, request: api_pb2.VolumeGetOrCreateRequest, _: Container | None
    ) -> api_pb2.VolumeGetOrCreateResponse:
        volume_id, new = self._named("Volume", "vo", request.deployment_name, request.object_creation_type)
        if new:
            folder = self._hub.folder / "volumes" / (request.deployment_name or volume_id)
            folder.mkdir(parents=True)
            self._hub.volumes[volume_id] = Volume(request.deployment_name, folder)
        version = api_pb2.VOLUME_FS_VERSION_V1
        metadata = api_pb2.VolumeMetadata(name=self._hub.volumes[volume_id].name, version=version)
        return api_pb2.VolumeGetOrCreateResponse(volume_id=volume_id, version=version, metadata=metadata)

    async def volume_commit(
        self, request: api_pb2.VolumeCommitRequest, _: Container | None
    ) -> api_pb2.VolumeCommitResponse:
        self._hub.volumes[request.volume_id].commits += 1
        return api_pb2.VolumeCommitResponse(skip_reload=True)

    async def volume_reload(self, request: api_pb2.VolumeReloadRequest, _: Container | None) -> Empty:
        self._hub.volumes[request.volume_id].reloads += 1
        return Empty()

    async def volume_put_files(self, request: api_pb2.VolumePutFilesRequest, _: Container | None) -> Empty:
        folder = self._hub.volumes[request.volume_id].folder
        for file in request.files:
            self._blobs.place(file, folder)
        return Empty()

    async def volume_list(self, _: api_pb2.VolumeListRequest, __: Container | None) -> api_pb2.VolumeListResponse:
        answer = api_pb2.VolumeListResponse(environment_name="main")
        for volume_id, volume in self._hub.volumes.items():
            if volume.name:
                item = answer.items.add(label=volume.name, volume_id=volume_id)
                item.metadata.name = volume.name
        return answer

    async def volume_list_files(
        self, request: api_pb2.VolumeListFilesRequest, _: Container | None
    ) -> AsyncIterator[api_pb2.VolumeListFilesResponse]:
        folder = self._hub.volumes[request.volume_id].folder
        top = folder / request.path.strip("/")
        answer = api_pb2.VolumeListFilesResponse()
        for path in sorted(top.rglob("*") if request.recursive else top.glob("*")):
            kind = api_pb2.FileEntry.DIRECTORY if path.is_dir() else api_pb2.FileEntry.FILE
            known = path.stat()
            name = str(path.relative_to(folder))
            answer.entries.add(path=name, type=kind, size=known.st_size, mtime=int(known.st_mtime))
        yield answer

    # Dictionaries

    async def dict_get_or_create(
        self, request: api_pb2.DictGetOrCreateRequest, _: Container | None
    ) -> api_pb2.DictGetOrCreateResponse:
        dict_id, new = self._named("Dict", "di", request.deployment_name, request.object_creation_type)
        if new:
            self._hub.dicts[dict_id] = {entry.key: entry.value for entry in request.data}
        metadata = api_pb2.DictMetadata(name=request.deployment_name)
        return api_pb2.DictGetOrCreateResponse(dict_id=dict_id, metadata=metadata)

    async def dict_heartbeat(self, _: api_pb2.DictHeartbeatRequest, __: Container | None) -> Empty:
        return Empty()

    async def dict_update(self, request: api_pb2.DictUpdateRequest, _: Container | None) -> api_pb2.DictUpdateResponse:
        held = self._hub.dicts[request.dict_id]
        created = any(entry.key not in held for entry in request.updates)
        for entry in request.updates:
            if not (request.if_not_exists and entry.key in held):
                held[entry.key] = entry.value
        return api_pb2.DictUpdateResponse(created=created)

    async def dict_get(self, request: api_pb2.DictGetRequest, _: Container | None) -> api_pb2.DictGetResponse:
        value = self._hub.dicts[request.dict_id].get(request.key)
        return api_pb2.DictGetResponse(found=value is not None, value=value)

    async def dict_contains(
        self, request: api_pb2.DictContainsRequest, _: Container | None
    ) -> api_pb2.DictContainsResponse:
        return api_pb2.DictContainsResponse(found=request.key in self._hub.dicts[request.dict_id])

    async def dict_len(self, request: api_pb2.DictLenRequest, _: Container | None) -> api_pb2.DictLenResponse:
        return api_pb2.DictLenResponse(len=len(self._hub.dicts[request.dict_id]))

    async def dict_pop(self, request: api_pb2.DictPopRequest, _: Container | None) -> api_pb2.DictPopResponse:
        value = self._hub.dicts[request.dict_id].pop(request.key, None)
        return api_pb2.DictPopResponse(found=value is not None, value=value)

    async def dict_clear(self, request: api_pb2.DictClearRequest, _: Container | None) -> Empty:
        self._hub.dicts[request.dict_id].clear()
        return Empty()

    async def dict_contents(
        self, request: api_pb2.DictContentsRequest, _: Container | None
    ) -> AsyncIterator[api_pb2.DictEntry]:
        for key, value in list(self._hub.dicts[request.dict_id].items()):
            yield api_pb2.DictEntry(key=key if request.keys else b"", value=value if request.values else b"")

    # Queues

    async def queue_get_or_create(
        self, request: api_pb2.QueueGetOrCreateRequest, _: Container | None
    ) -> api_pb2.QueueGetOrCreateResponse:
        queue_id, new = self._named("Queue", "qu", request.deployment_name, request.object_creation_type)
        if new:
            self._hub.queues[queue_id] = {}
        metadata = api_pb2.QueueMetadata(name=request.deployment_name)
        return api_pb2.QueueGetOrCreateResponse(queue_id=queue_id, metadata=metadata)

    async def queue_heartbeat(self, _: api_pb2.QueueHeartbeatRequest, __: Container | None) -> Empty:
        return Empty()

    async def queue_put(self, request: api_pb2.QueuePutRequest, _: Container | None) -> Empty:
        self._partition(request.queue_id, request.partition_key).extend(request.values)
        self._hub.notify()
        return Empty()

    async def queue_get(self, request: api_pb2.QueueGetRequest, _: Container | None) -> api_pb2.QueueGetResponse:
        held = self._partition(request.queue_id, request.partition_key)
        await self._hub.wait_until(lambda: bool(held), request.timeout)
        taken, held[:] = held[: request.n_values or 1], held[request.n_values or 1 :]
        return api_pb2.QueueGetResponse(values=taken)

    async def queue_len(self, request: api_pb2.QueueLenRequest, _: Container | None) -> api_pb2.QueueLenResponse:
        if request.total:
            return api_pb2.QueueLenResponse(len=sum(map(len, self._hub.queues[request.queue_id].values())))
        return api_pb2.QueueLenResponse(len=len(self._partition(request.queue_id, request.partition_key)))

    async def queue_clear(self, request: api_pb2.QueueClearRequest, _: Container | None) -> Empty:
        partitions = self._hub.queues[request.queue_id]
        for key, held in partitions.items():
            if request.all_partitions or key == request.partition_key:
                held.clear()
        return Empty()

    def _partition(self, queue_id: str, key: bytes) -> list[bytes]:
        return self._hub.queues[queue_id].setdefault(key, [])

    # Large values: the SDK asks for an address and speaks plain HTTP to it.

    async def blob_create(self, _: api_pb2.BlobCreateRequest, __: Container | None) -> api_pb2.BlobCreateResponse:
        blob_id = self._hub.new_id("bl")
        urls = api_pb2.UploadUrlList(items=[self._blobs.url(blob_id)])
        return api_pb2.BlobCreateResponse(blob_ids=[blob_id], upload_urls=urls)

    async def blob_get(self, request: api_pb2.BlobGetRequest, _: Container | None) -> api_pb2.BlobGetResponse:
        return api_pb2.BlobGetResponse(download_url=self._blobs.url(request.blob_id))


def _digest(files: list[api_pb2.MountFile]) -> str:
    return hashlib.sha256("".join(sorted(f"{one.filename} {one.sha256_hex}\n" for one in files)).encode()).hexdigest()
