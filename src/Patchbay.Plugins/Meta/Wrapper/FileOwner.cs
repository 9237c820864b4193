using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>Whom a file is given to.</summary>
/// <param name="User">The user; -1 to leave it.</param>
/// <param name="Group">The group; -1 to leave it.</param>
internal sealed partial record FileOwner(int User, int Group)
{
    private const string Users = "/etc/passwd";
    private const string Groups = "/etc/group";

    /// <summary>Finds a user and a group by name or number, in the host's files: a static executable cannot ask the name service switch (nsswitch.conf(5)).</summary>
    /// <exception cref="CniException">Code 7: there is none of that name.</exception>
    internal static FileOwner Find(string? user, string? group) => new(Number(Users, "datastore_file_owner", user), Number(Groups, "datastore_file_group", group));

    internal void Take(string path)
    {
        if (chown(path, User, Group) < 0)
            throw new IOException($"cannot give {path} to user {User} and group {Group}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    // Both files have the name first and the number third: passwd(5), group(5).
    private static int Number(string file, string key, string? name)
    {
        if (string.IsNullOrEmpty(name))
            return -1;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return number;
        foreach (var line in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            if (line.Split(':') is [var own, _, var digits, ..] && own == name && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number))
                return number;
        }

        throw WrapperConfig.Invalid($"\"{key}\" is \"{name}\", which {file} does not have: name another, or give the number");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int chown(string path, int user, int group);
}
