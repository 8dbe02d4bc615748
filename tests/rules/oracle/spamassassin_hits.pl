#!/usr/bin/perl
# What SpamAssassin hits: one JSON object a line, {"file": NAME, "hits": [NAME, ...]}, subrules
# included. Local tests only, stock plugins, a fixed clock.
#
#   spamassassin_hits.pl --rules FOLDER --now UNIXTIME [--plugins FOLDER] [--cf TEXT] FILE...
#
# Files named "-" stand for a list of names on standard input.
use strict;
use warnings;

our $now;

BEGIN {
  for my $i (0 .. $#ARGV - 1) { $now = $ARGV[$i + 1] if $ARGV[$i] eq '--now' }
  die "spamassassin_hits.pl: --now UNIXTIME is missing\n" unless defined $now;
  # Before any module is compiled: all of them see this clock.
  *CORE::GLOBAL::time = sub () { $now };
}

use Getopt::Long;
use JSON::PP;
use Mail::SpamAssassin;

my ($rules, $plugins, $cf) = (undef, '/etc/spamassassin', '');
GetOptions('rules=s' => \$rules, 'plugins=s' => \$plugins, 'cf=s' => \$cf, 'now=i' => \my $unused)
  or exit 64;
die "spamassassin_hits.pl: --rules FOLDER is missing\n" unless defined $rules;

my $text = '';
for my $pre (sort glob("$plugins/*.pre")) {
  open(my $in, '<', $pre) or die "spamassassin_hits.pl: $pre: $!\n";
  local $/;
  $text .= <$in> . "\n";
}
for my $file (-d $rules ? sort glob("$rules/*.cf") : ($rules)) {
  open(my $in, '<', $file) or die "spamassassin_hits.pl: $file: $!\n";
  local $/;
  $text .= "file start $file\n" . <$in> . "\nfile end $file\n";
}
$text .= "\n$cf\nuse_bayes 0\nuse_auto_whitelist 0\nuse_pyzor 0\nuse_razor2 0\nuse_dcc 0\n";

my $spamassassin = Mail::SpamAssassin->new({
  config_text       => $text,
  local_tests_only  => 1,
  dont_copy_prefs   => 1,
  userstate_dir     => '/nonexistent',
  require_rules     => 1,
});
$spamassassin->init(1);

my $json = JSON::PP->new->canonical;
my @files = map { $_ eq '-' ? map { chomp; $_ } <STDIN> : $_ } @ARGV;
$| = 1;
for my $file (@files) {
  open(my $in, '<', $file) or die "spamassassin_hits.pl: $file: $!\n";
  binmode $in;
  my @lines = <$in>;
  close $in;
  my $mail   = $spamassassin->parse(\@lines, 0);
  my $status = $spamassassin->check($mail);
  my @hits   = grep { length } map { split /,/ } $status->get_names_of_tests_hit,
    $status->get_names_of_subtests_hit;
  print $json->encode({file => $file, hits => [sort @hits], score => $status->get_score + 0}), "\n";
  $status->finish;
  $mail->finish;
}
