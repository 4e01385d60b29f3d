"""The multi-keyring constructors: framework/aws-kms/aws-kms-multi-keyrings.md and its multi-Region twin."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.keyrings.line_up import EAST, WEST, encrypted, replicas, to_decrypt
from warmkey import ConfigurationError, KeyUnavailable, MultiKeyring
from warmkey.events import KmsRequest
from warmkey.keyrings import (
    DiscoveryFilter,
    aws_kms_discovery_multi_keyring,
    aws_kms_mrk_discovery_multi_keyring,
    aws_kms_mrk_multi_keyring,
    aws_kms_multi_keyring,
)
from warmkey.testing import FakeKms, FakeKmsWorld, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

OF_KEYS = [aws_kms_multi_keyring, aws_kms_mrk_multi_keyring]
OF_REGIONS = [aws_kms_discovery_multi_keyring, aws_kms_mrk_discovery_multi_keyring]


class Supplier:
    """From a Region to its client; remembers who was asked for."""

    def __init__(self, world: FakeKmsWorld | None = None) -> None:
        self.world = world or FakeKmsWorld()
        self.clients: dict[str, FakeKms] = {}
        self.asked: Counter[str] = Counter()

    def __getitem__(self, region: str) -> FakeKms:
        return self.clients.setdefault(region, FakeKms(region, world=self.world))

    def __call__(self, region: str) -> FakeKms:
        self.asked[region] += 1
        return self[region]


@pytest.fixture
def supplier() -> Supplier:
    return Supplier()


@pytest.mark.parametrize("construct", OF_KEYS)
class TestOfKeys:
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 1581 ca7d f685 6457 2924 26f0 a76b
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 6839 47fe fb0a 6457 2924 26f0 1390
    def test_the_generator_generates_and_the_children_wrap_each_in_its_region(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        keys = [supplier[EAST].create_key(), supplier[WEST].create_key(), supplier[EAST].create_key()]

        made = encrypted(construct(generator=keys[0], children=keys[1:], client_supplier=supplier))

        assert [key.key_provider_info.decode() for key in made.encrypted_data_keys] == keys
        assert supplier[EAST].counts() == {"GenerateDataKey": 1, "Encrypt": 1}
        assert supplier[WEST].counts() == {"Encrypt": 1}

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 6457 2924
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 6457 2924
    def test_the_supplier_makes_one_client_per_region(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        keys = [supplier[region].create_key() for region in (EAST, WEST, EAST, WEST)]

        construct(generator=keys[0], children=keys[1:], client_supplier=supplier)

        assert supplier.asked == {EAST: 1, WEST: 1}

    def test_any_child_decrypts(self, construct: Callable[..., MultiKeyring], supplier: Supplier) -> None:
        keys = [supplier[EAST].create_key(), supplier[WEST].create_key()]
        made = encrypted(construct(generator=keys[0], children=keys[1:], client_supplier=supplier))
        supplier[EAST].disable_key(keys[0])

        for children in (keys, keys[1:]):
            unwrapped = construct(children=children, client_supplier=supplier).on_decrypt(
                to_decrypt(), made.encrypted_data_keys
            )
            assert made.plaintext_data_key == unwrapped.plaintext_data_key

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 1581 ca7d f685
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 6839 47fe fb0a
    def test_grant_tokens_and_subscriber_reach_every_keyring(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        keys = [supplier[EAST].create_key(), supplier[WEST].create_key()]
        tokens = [supplier[EAST].create_grant(key, "GenerateDataKey", "Encrypt") for key in keys]
        recorder = Recorder()
        keyring = construct(
            generator=keys[0],
            children=iter(keys[1:]),
            client_supplier=supplier,
            grant_tokens=iter(tokens),
            emit=recorder,
        )

        encrypted(keyring)

        assert [call.grant_tokens for region in (EAST, WEST) for call in supplier[region].calls] == [tuple(tokens)] * 2
        assert [event.key_arn for event in recorder.of(KmsRequest)] == keys

    def test_an_alias_arn_names_its_region_and_can_encrypt(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        key = supplier[WEST].create_key()
        alias = supplier[WEST].create_alias("alias/name", key)

        made = encrypted(construct(generator=alias, client_supplier=supplier))

        assert [entry.key_provider_info.decode() for entry in made.encrypted_data_keys] == [key]

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 5637 6316
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring c829 6316
    @pytest.mark.parametrize("identifier", ["mrk-1", "alias/name", "1234", "arn:aws:kms:us-east-1::key/1", ""])
    def test_an_identifier_without_a_region_is_refused(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier, identifier: str
    ) -> None:
        for keys in ({"generator": identifier}, {"children": [identifier]}):
            with pytest.raises(ConfigurationError, match=r"not a valid AWS KMS ARN|not empty|not str of length 4"):
                construct(**keys, client_supplier=supplier)

    @pytest.mark.parametrize("children", ["arn:aws:kms:us-east-1:1:key/1", None, [None], [1]], ids=repr)
    def test_children_are_several_texts(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier, children: Any
    ) -> None:
        with pytest.raises(ConfigurationError, match="children must be"):
            construct(children=children, client_supplier=supplier)

    def test_the_generator_is_a_text(self, construct: Callable[..., MultiKeyring], supplier: Supplier) -> None:
        with pytest.raises(ConfigurationError, match="generator must be a str that is not empty, not 1"):
            construct(generator=1, client_supplier=supplier)

    def test_some_key_is_needed(self, construct: Callable[..., MultiKeyring], supplier: Supplier) -> None:
        with pytest.raises(ConfigurationError, match="a generator or at least one child"):
            construct(client_supplier=supplier)

    def test_a_supplier_without_a_client_is_refused(self, construct: Callable[..., MultiKeyring]) -> None:
        with pytest.raises(ConfigurationError, match="needs kms_client"):
            construct(generator="arn:aws:kms:us-east-1:1:key/1", client_supplier=lambda _: None)


@pytest.mark.parametrize("construct", OF_REGIONS)
class TestOfRegions:
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 706a 3bbf ef3d a76b
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 706a 3bbf ef3d a76b
    def test_asks_every_region_in_order_until_one_decrypts(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        made = encrypted(aws_kms_multi_keyring(generator=supplier[EAST].create_key(), client_supplier=supplier))
        keyring = construct(regions=["eu-west-1", EAST, WEST], client_supplier=supplier)

        unwrapped = keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert made.plaintext_data_key == unwrapped.plaintext_data_key
        assert supplier[EAST].count("Decrypt") == 1
        assert supplier[WEST].calls == []

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 3bbf
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 3bbf
    def test_a_region_named_twice_is_asked_once(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        construct(regions=iter([EAST, EAST, WEST]), client_supplier=supplier)

        assert supplier.asked == {EAST: 1, WEST: 1}

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 706a 79f0
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 706a eec8
    def test_the_filter_reaches_every_keyring(self, construct: Callable[..., MultiKeyring], supplier: Supplier) -> None:
        made = encrypted(aws_kms_multi_keyring(generator=supplier[EAST].create_key(), client_supplier=supplier))
        nobody = DiscoveryFilter("aws", ["444455556666"])
        keyring = construct(regions=[EAST, WEST], client_supplier=supplier, discovery_filter=nobody)

        with pytest.raises(KeyUnavailable):
            keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)
        assert (supplier[EAST].count("Decrypt"), supplier[WEST].calls) == (0, [])

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 706a 79f0
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 706a eec8
    def test_grant_tokens_and_subscriber_reach_every_keyring(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier
    ) -> None:
        key = supplier[EAST].create_key()
        made = encrypted(aws_kms_multi_keyring(generator=key, client_supplier=supplier))
        token = supplier[EAST].create_grant(key, "Decrypt")
        recorder = Recorder()
        keyring = construct(regions=[EAST, WEST], client_supplier=supplier, grant_tokens=iter([token]), emit=recorder)

        keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert supplier[EAST].calls[-1].grant_tokens == (token,)
        assert recorder.count(KmsRequest) == 1

    def test_never_encrypts(self, construct: Callable[..., MultiKeyring], supplier: Supplier) -> None:
        with pytest.raises(ConfigurationError, match="without a generator can't generate"):
            encrypted(construct(regions=[EAST], client_supplier=supplier))

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 106c 672c
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 106c 672c
    @pytest.mark.parametrize("regions", [[], [""], [EAST, ""], [None], EAST, None], ids=repr)
    def test_regions_are_one_or_more_texts(
        self, construct: Callable[..., MultiKeyring], supplier: Supplier, regions: Any
    ) -> None:
        with pytest.raises(ConfigurationError, match="regions must"):
            construct(regions=regions, client_supplier=supplier)


class TestMultiRegionKeys:
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring ca7d
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 79f0
    def test_a_replica_decrypts_for_the_multi_region_aware_constructors_only(self) -> None:
        east, primary, _, replica = replicas()
        supplier = Supplier(east.world)
        made = encrypted(aws_kms_multi_keyring(generator=primary, client_supplier=supplier))
        aware = [
            aws_kms_mrk_multi_keyring(generator=replica, client_supplier=supplier),
            aws_kms_mrk_discovery_multi_keyring(regions=[WEST], client_supplier=supplier),
        ]
        unaware = [
            aws_kms_multi_keyring(generator=replica, client_supplier=supplier),
            aws_kms_discovery_multi_keyring(regions=[WEST], client_supplier=supplier),
        ]

        for keyring in aware:
            unwrapped = keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)
            assert made.plaintext_data_key == unwrapped.plaintext_data_key
        for keyring in unaware:
            with pytest.raises(KeyUnavailable):
                keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)

    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 5637
    def test_one_multi_region_key_twice_is_refused(self) -> None:
        east, primary, _, replica = replicas()
        supplier = Supplier(east.world)
        for keys in ({"generator": primary, "children": [replica]}, {"children": [primary, replica]}):
            with pytest.raises(ConfigurationError, match="name the same multi-Region key"):
                aws_kms_mrk_multi_keyring(**keys, client_supplier=supplier)
        assert supplier.asked == {}

        aws_kms_multi_keyring(generator=primary, children=[replica], client_supplier=supplier)
        assert supplier.asked == {EAST: 1, WEST: 1}

    def test_the_discovery_keyrings_are_told_their_region(self) -> None:
        with pytest.raises(ConfigurationError, match="the Region of kms_client, 'us-west-2'"):
            aws_kms_mrk_discovery_multi_keyring(regions=[EAST], client_supplier=lambda _: FakeKms(WEST))
