// gatepost dkim keygen and sign: keys, and signatures on files.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/header_block.h"
#include "dkim/sign.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

struct KeygenOptions {
  std::string domain, selector;
  std::string type = "rsa";
  int bits = dkim::kGoodRsaBits;
  std::string folder = "/etc/gatepost/keys";
  bool json = false;
};

struct SignOptions {
  Common common;
  std::string domain, selector, key_file, file;
  std::string form = "relaxed/relaxed";
};

/// The record as a master file has it: a TXT record is made of strings of at most 255 octets.
std::string zone_line(const std::string& name, std::string_view record) {
  std::string text = name + ". IN TXT (";
  for (; !record.empty(); record.remove_prefix(std::min<std::size_t>(record.size(), 255)))
    text += "\n  \"" + std::string(record.substr(0, 255)) + "\"";
  return text + " )";
}

/// A file that only we can read and that did not exist before.
Result<void> write_secret(const std::filesystem::path& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    return permanent_error(path.string() + " cannot be made: " + std::strerror(errno) +
                           (errno == EEXIST ? ", a key is never overwritten" : ""));
  }
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool good = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  if (good) return {};
  ::unlink(path.c_str());
  return temporary_error(path.string() + " cannot be written: " + std::strerror(why));
}

int keygen(const KeygenOptions& options) {
  const auto domain = mail::normalize_domain(options.domain);
  const auto selector = mail::normalize_domain(options.selector);
  if (!domain || !selector) {
    const Error& why = domain ? selector.error() : domain.error();
    return fail(permanent_error((domain ? options.selector : options.domain) + ": " + why.what)),
           kUsage;
  }
  const bool rsa = options.type == "rsa";
  const auto key =
      dkim::PrivateKey::generate(rsa ? dkim::KeyType::rsa : dkim::KeyType::ed25519, options.bits);
  if (!key) return fail(key.error());
  const auto folder = std::filesystem::path(options.folder) / *domain;
  const auto path = folder / (*selector + ".private");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(permanent_error(folder.string() + " cannot be made: " + error.message()));
  if (const auto written = write_secret(path, (*key)->pem()); !written)
    return fail(written.error());
  const std::string name = *selector + "._domainkey." + *domain;
  const std::string record = (*key)->record();
  if (options.json) {
    std::printf("%s\n", Json{{"name", name},
                             {"record", record},
                             {"zone", zone_line(name, record)},
                             {"key_file", path.string()}}
                            .dump()
                            .c_str());
    return kOk;
  }
  std::printf("%s\n\n", zone_line(name, record).c_str());
  std::fprintf(
      stderr,
      "The private key is %s (mode 0600).\n"
      "1. Put the record above into the zone of %s.\n"
      "2. When DNS serves it, add to gatepost.toml and reload:\n"
      "   [[signing]]\n   domain = \"%s\"\n   selector = \"%s\"\n   key_file = \"%s\"\n"
      "If the daemon has a user of its own, give it the key: chgrp GROUP and chmod 0640.\n",
      path.c_str(), domain->c_str(), domain->c_str(), selector->c_str(), path.c_str());
  return kOk;
}

int sign(const SignOptions& options) {
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  const auto text = read_input(options.key_file);
  if (!text.ok()) return fail(text.error()), kNoInput;
  const auto key = dkim::PrivateKey::decode(*text);
  if (!key) return fail(permanent_error(options.key_file + " " + key.error().what));
  const auto domain = mail::normalize_domain(options.domain);
  const auto selector = mail::normalize_domain(options.selector);
  if (!domain || !selector) return fail(domain ? selector.error() : domain.error());
  dkim::SignOptions how;
  const auto form = [](std::string_view word) {
    return word == "simple" ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
  };
  how.header_form = form(options.form.substr(0, options.form.find('/')));
  how.body_form = form(options.form.substr(options.form.find('/') + 1));
  const auto library = dkim::Library::open();
  if (!library) return fail(library.error());
  const mail::ParsedMessage message = mail::parse_message(*input);
  const dkim::SigningKey signing{*domain, *selector, *key, false};
  auto signer = dkim::Signer::begin(**library, message.fields, {signing}, how,
                                    SystemClock(options.common.at).unix_time());
  if (!signer) return fail(signer.error());
  signer->body(message.body);
  const auto signatures = signer->finish();
  if (!signatures) return fail(signatures.error());
  // The field has the line ends of the message.
  const bool crlf = input->find("\r\n") != std::string::npos;
  std::string field = "DKIM-Signature: ";
  for (const char c : signatures->at(0).value + "\n")
    field += c == '\n' && crlf ? std::string("\r\n") : std::string(1, c);
  if (options.common.json)
    std::printf("%s\n", Json{{"field", field}}.dump().c_str());
  else
    std::fwrite((field + *input).data(), 1, field.size() + input->size(), stdout);
  return kOk;
}

}  // namespace

void add_dkim_keys(CLI::App& dkim, int& exit_code) {
  auto keygen_options = std::make_shared<KeygenOptions>();
  CLI::App* app = dkim.add_subcommand("keygen", "make a key and print its DNS record");
  app->add_option("domain", keygen_options->domain, "the domain that signs")->required();
  app->add_option("selector", keygen_options->selector, "the key's name, such as s1")->required();
  app->add_option("--type", keygen_options->type, "rsa (default) or ed25519")
      ->check(CLI::IsMember({"rsa", "ed25519"}));
  app->add_option("--bits", keygen_options->bits, "of an RSA key, 2048 by default")
      ->check(CLI::Range(dkim::kMinRsaBits, dkim::kMaxSignerRsaBits));
  app->add_option("--directory", keygen_options->folder,
                  "where DOMAIN/SELECTOR.private is made, /etc/gatepost/keys by default");
  app->add_flag("--json", keygen_options->json, "print JSON");
  app->callback([keygen_options, &exit_code] { exit_code = keygen(*keygen_options); });

  auto sign_options = std::make_shared<SignOptions>();
  app = dkim.add_subcommand("sign", "sign a message and print it");
  sign_options->common.add_to(*app);
  app->add_option("--domain", sign_options->domain, "d=")->required();
  app->add_option("--selector", sign_options->selector, "s=")->required();
  app->add_option("--key", sign_options->key_file, "the private key")->required();
  app->add_option("--canonicalization", sign_options->form, "relaxed/relaxed by default")
      ->check(
          CLI::IsMember({"relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"}));
  app->add_option("file", sign_options->file, "the message, or - for standard input")->required();
  app->callback([sign_options, &exit_code] { exit_code = sign(*sign_options); });
}

}  // namespace gatepost::command
