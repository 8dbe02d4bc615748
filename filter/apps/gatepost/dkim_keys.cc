// gatepost dkim keygen and sign: keys, and signatures on files.

#include <cstdio>
#include <filesystem>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/from_field.h"
#include "core/mail/header_block.h"
#include "dkim/sign.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/gatepost/dkim_options.h"
#include "filter/keys/key_folder.h"

namespace gatepost::command {

namespace {

struct KeygenOptions {
  std::string domain, selector;
  std::string algorithm = "rsa";
  int bits = dkim::kGoodRsaBits;
  std::string folder = "/etc/gatepost/keys";
  bool json = false;
};

struct SignOptions {
  Common common;
  std::string domain, selector, key_file, file;
  std::string form, oversign;
};

int keygen(const KeygenOptions& options) {
  const auto place = key_place(options.domain, options.selector);
  if (!place) return kUsage;
  const auto& [domain, selector] = *place;
  const auto key = dkim::PrivateKey::generate(key_type(options.algorithm), options.bits);
  if (!key) return fail(key.error());
  keys::KeyFolder folder(std::filesystem::path(options.folder) / domain);
  if (const auto written = folder.write_key(selector, (*key)->pem(), {}); !written)
    return fail(written.error());
  const std::string path = folder.key_file(selector).string();
  const std::string name = selector + "._domainkey." + domain;
  const std::string record = (*key)->record();
  if (options.json) {
    std::printf("%s\n", Json{{"name", name},
                             {"record", record},
                             {"zone", keys::zone_lines(name, record)},
                             {"key_file", path},
                             {"domain", domain},
                             {"selector", selector},
                             {"algorithm", dkim::to_string((*key)->type())},
                             {"bits", (*key)->bits()}}
                            .dump()
                            .c_str());
    return kOk;
  }
  std::printf("%s\n\n", keys::zone_lines(name, record).c_str());
  std::fprintf(
      stderr,
      "The private key is %s (mode 0600).\n"
      "1. Put the record above into the zone of %s. A web form wants it on one line,\n"
      "   name %s, type TXT, without quotation marks:\n   %s\n"
      "2. When DNS serves it (gatepost dkim check-key %s %s --key %s), add to gatepost.toml and "
      "reload:\n"
      "   [[signing]]\n   domain = \"%s\"\n   selector = \"%s\"\n   key_file = \"%s\"\n"
      "If the daemon has a user of its own, give it the key: chgrp GROUP and chmod 0640.\n",
      path.c_str(), domain.c_str(), name.c_str(), record.c_str(), domain.c_str(), selector.c_str(),
      path.c_str(), domain.c_str(), selector.c_str(), path.c_str());
  return kOk;
}

/// The key that the options name.
Result<std::vector<dkim::SigningKey>> given_key(const SignOptions& options) {
  if (options.domain.empty() || options.selector.empty())
    return permanent_error("--key wants --domain and --selector beside it");
  const auto text = read_input(options.key_file);
  if (!text.ok()) return text.error();
  const auto key = dkim::PrivateKey::decode(*text);
  if (!key) return permanent_error(options.key_file + " " + key.error().what);
  const auto domain = mail::normalize_domain(options.domain);
  const auto selector = mail::normalize_domain(options.selector);
  if (!domain || !selector) return domain ? selector.error() : domain.error();
  return std::vector<dkim::SigningKey>{{*domain, *selector, *key, false}};
}

/// The keys that the configuration has for the author.
Result<std::vector<dkim::SigningKey>> configured_keys(const Policy& policy,
                                                      const mail::ParsedMessage& message) {
  if (policy.signing_keys == nullptr)
    return config_error("no key signs: expected [[signing]], the tables of opendkim, or --key");
  const auto author = mail::author_identity(message.fields);
  if (author.status != mail::AuthorIdentity::Status::single) return permanent_error(author.reason);
  auto keys = policy.signing_keys->keys_for(author.address);
  if (keys.empty()) return permanent_error("no key signs for " + author.address);
  return keys;
}

void override_options(const SignOptions& options, dkim::SignOptions& how) {
  const auto form = [](std::string_view word) {
    return word == "simple" ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
  };
  if (!options.form.empty()) {
    how.header_form = form(options.form.substr(0, options.form.find('/')));
    how.body_form = form(options.form.substr(options.form.find('/') + 1));
  }
  using dkim::Oversign;
  if (!options.oversign.empty())
    how.oversign = options.oversign == "none"  ? Oversign::none
                   : options.oversign == "all" ? Oversign::all
                                               : Oversign::list_safe;
}

int sign(const SignOptions& options) {
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  const mail::ParsedMessage message = mail::parse_message(*input);
  dkim::SignOptions how;
  Result<std::vector<dkim::SigningKey>> keys = std::vector<dkim::SigningKey>();
  if (options.key_file.empty()) {
    if (!options.domain.empty() || !options.selector.empty())
      return fail(permanent_error("--domain and --selector want --key beside them")), kUsage;
    const auto configuration = options.common.load();
    if (!configuration) return kConfig;
    keys = configured_keys(*configuration->policy, message);
    if (keys) how = configuration->policy->signing_keys->options();
  } else {
    keys = given_key(options);
  }
  if (!keys) return fail(keys.error());
  override_options(options, how);
  auto signer = dkim::Signer::begin(message.fields, *std::move(keys), how,
                                    SystemClock(options.common.at).unix_time());
  if (!signer) return fail(signer.error());
  signer->body(message.body);
  const auto signatures = signer->finish();
  if (!signatures) return fail(signatures.error());
  // The fields have the line ends of the message.
  const bool crlf = input->find("\r\n") != std::string::npos;
  std::string all;
  Json list = Json::array();
  for (const auto& signature : *signatures) {
    std::string field = "DKIM-Signature: ";
    for (const char c : signature.value + "\n")
      field += c == '\n' && crlf ? std::string("\r\n") : std::string(1, c);
    list.push_back(field);
    all += field;
  }
  if (options.common.json)
    std::printf("%s\n", Json{{"field", list[0]}, {"fields", list}}.dump().c_str());
  else
    std::fwrite((all + *input).data(), 1, all.size() + input->size(), stdout);
  return kOk;
}

}  // namespace

void add_key_options(CLI::App& app, std::string& algorithm, int& bits, std::string& folder) {
  app.add_option("--algorithm,--type", algorithm, "rsa-sha256 (rsa, default) or ed25519-sha256")
      ->check(CLI::IsMember({"rsa", "ed25519", "rsa-sha256", "ed25519-sha256"}));
  app.add_option("--bits", bits, "of an RSA key, 2048 by default")
      ->check(CLI::Range(dkim::kMinRsaBits, dkim::kMaxSignerRsaBits));
  app.add_option("--out,--directory", folder,
                 "the folder of DOMAIN/SELECTOR.private, /etc/gatepost/keys by default");
}

std::optional<KeyPlace> key_place(const std::string& domain, const std::string& selector) {
  KeyPlace out;
  for (const auto& [written, name] :
       {std::pair(&domain, &out.domain), std::pair(&selector, &out.selector)}) {
    auto normal = mail::normalize_domain(*written);
    if (!normal) return fail(permanent_error(*written + ": " + normal.error().what)), std::nullopt;
    *name = *std::move(normal);
  }
  return out;
}

dkim::KeyType key_type(std::string_view algorithm) {
  return algorithm.starts_with("rsa") ? dkim::KeyType::rsa : dkim::KeyType::ed25519;
}

void add_dkim_keys(CLI::App& dkim, int& exit_code) {
  auto keygen_options = std::make_shared<KeygenOptions>();
  CLI::App* app = dkim.add_subcommand("keygen", "make a key and print its DNS record");
  app->add_option("domain,--domain", keygen_options->domain, "the domain that signs")->required();
  app->add_option("selector,--selector", keygen_options->selector, "the key's name, such as s1")
      ->required();
  add_key_options(*app, keygen_options->algorithm, keygen_options->bits, keygen_options->folder);
  app->add_flag("--json", keygen_options->json, "print JSON");
  app->callback([keygen_options, &exit_code] { exit_code = keygen(*keygen_options); });

  auto sign_options = std::make_shared<SignOptions>();
  app = dkim.add_subcommand("sign", "sign a message and print it");
  sign_options->common.add_to(*app);
  app->add_option("--domain", sign_options->domain, "d=");
  app->add_option("--selector", sign_options->selector, "s=");
  app->add_option("--key", sign_options->key_file,
                  "the private key; without it the keys of the configuration for the author");
  app->add_option("--canonicalization", sign_options->form, "relaxed/relaxed by default")
      ->check(
          CLI::IsMember({"relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"}));
  app->add_option("--oversign", sign_options->oversign, "list-safe (default), none or all")
      ->check(CLI::IsMember({"list-safe", "none", "all"}));
  app->add_option("file", sign_options->file, "the message, or - for standard input")->required();
  app->callback([sign_options, &exit_code] { exit_code = sign(*sign_options); });
  add_dkim_check_key(dkim, exit_code);
  add_dkim_rotate(dkim, exit_code);
}

}  // namespace gatepost::command
